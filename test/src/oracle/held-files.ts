/**
 * What the recorder's programs had open before something went: files and directories of every device and every type
 * are opened as soon as they exist, and kept after they are dead. One per replayed recording.
 */
import type { AttributeDirectory, AttributeFile, Mdev } from '@mediated/core';
import type { Machine } from './machine.js';

interface Held {
  readonly files: ReadonlyMap<string, AttributeFile>;
  readonly directory: AttributeDirectory;
  readonly paths: ReadonlyMap<string, string>;
}

/** What was open of one device or one type, in one life of it. */
interface HeldDevice extends Held {
  readonly mdev: Mdev;
}

interface HeldType extends Held {
  readonly type: string;
  readonly life: string;
}

export class HeldFiles {
  readonly #machine: Machine;
  readonly #kept = new Map<string, AttributeFile[]>();
  #devices: HeldDevice[] = [];
  #types: HeldType[] = [];
  readonly #deadDevices: HeldDevice[] = [];
  readonly #deadTypes: HeldType[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Opens what is new and notes what is dead. After every change of the machine. */
  async refresh(): Promise<void> {
    this.#deadDevices.push(...this.#devices.filter((held) => !held.directory.exists));
    this.#devices = this.#devices.filter((held) => held.directory.exists);
    // The first type of a parent last: it stands for the parent that went.
    this.#deadTypes.push(...this.#types.filter((held) => !held.directory.exists).reverse());
    this.#types = this.#types.filter((held) => held.directory.exists);
    for (const mdev of this.#machine.bus.mdevs()) {
      if (this.#devices.some((held) => held.mdev.index === mdev.index)) continue;
      const path = `${mdev.parent.path}/${mdev.uuid}`;
      const held = await this.#open(path, ['remove', 'uevent']);
      if (held !== undefined) this.#devices.push({ ...held, mdev });
    }
    for (const parent of this.#machine.bus.parents()) {
      const life = `${parent.index} ${parent.generation}`;
      if (this.#types.some((held) => held.life === life)) continue;
      for (const type of parent.types) {
        const path = `/class/mdev_bus/${parent.name}/mdev_supported_types/${type.id}`;
        const held = await this.#open(path, ['create', 'available_instances', 'name', 'device_api']);
        if (held !== undefined) this.#types.push({ ...held, type: type.id, life });
      }
    }
  }

  /** A file of this name of what died last; while nothing has died, of what lives (of `type`, for files of types). */
  old(name: string, type?: string): AttributeFile | undefined {
    const dead = [...this.#deadDevices, ...this.#deadTypes].filter((held) => held.files.has(name));
    const living = [...this.#devices, ...this.#types.filter((held) => type === undefined || held.type === type)];
    return (dead.at(-1) ?? living.find((held) => held.files.has(name)))?.files.get(name);
  }

  /** The path of a file of this name of what died last. */
  lostPath(name: string): string | undefined {
    return [...this.#deadDevices, ...this.#deadTypes]
      .filter((held) => held.paths.has(name))
      .at(-1)
      ?.paths.get(name);
  }

  /** The directory, dead or not, that had a file of this name, what died last first. */
  oldDirectory(name: string): AttributeDirectory | undefined {
    return [...this.#deadDevices, ...this.#deadTypes].filter((held) => held.files.has(name)).at(-1)?.directory;
  }

  /** The directory of a device in its newest life. */
  deviceDirectory(uuid: string): AttributeDirectory | undefined {
    return [...this.#deadDevices, ...this.#devices].filter((held) => held.mdev.uuid === uuid).at(-1)?.directory;
  }

  /** A device in its newest life. */
  mdev(uuid: string): Mdev | undefined {
    return [...this.#deadDevices, ...this.#devices].filter((held) => held.mdev.uuid === uuid).at(-1)?.mdev;
  }

  /** One of two files that a step opens by this path, or has opened and kept. */
  async kept(path: string, which: 'new' | 'same' | 'another'): Promise<AttributeFile> {
    let files = which === 'new' ? undefined : this.#kept.get(path);
    const dead = which === 'new' || files !== undefined ? undefined : this.#dead(path);
    if (dead !== undefined) return dead;
    if (files === undefined) {
      files = [await this.#machine.open(path, 'write'), await this.#machine.open(path, 'write')];
      this.#kept.set(path, files);
    }
    return files[which === 'another' ? 1 : 0];
  }

  /** A file that this path led to before its owner went. */
  #dead(path: string): AttributeFile | undefined {
    const [owner, name] = path.split('/').slice(-2);
    const device = this.#deadDevices.filter((held) => held.mdev.uuid === owner).at(-1);
    return (device ?? this.#deadTypes.filter((held) => held.type === owner).at(-1))?.files.get(name);
  }

  async #open(path: string, names: readonly string[]): Promise<Held | undefined> {
    const directory = this.#machine.directory(path);
    if (directory === undefined) return undefined;
    const files = new Map<string, AttributeFile>();
    const paths = new Map<string, string>();
    for (const { path: name, mode } of await directory.attributes()) {
      const known = names.includes(name) ? name : name.includes('/') ? 'vendor' : undefined;
      if (known === undefined) continue;
      paths.set(known, `/sys${path}/${name}`);
      const access = mode === 0o644 ? 'read-write' : mode === 0o200 ? 'write' : 'read';
      files.set(known, await directory.open(name, access));
    }
    return { directory, files, paths };
  }
}
