/**
 * What a replay has open of devices (group, container, device files) and the writers that this keeps waiting. Writers run
 * in the background, as the recorder's child processes did.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { isMediatedError } from '@mediated/core';
import { Descriptors, interruptRemoval } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import type { FileCommand, WriterKind } from './action.js';
import type { HeldFiles } from './held-files.js';
import { type Machine, resultOf } from './machine.js';
import { Unclear } from './unclear.js';

/** Milliseconds after which a writer that nothing keeps is called blocked. */
const PATIENCE = 10_000;

interface Writer {
  readonly kind: WriterKind;
  readonly done: Promise<number>;
  result: number | undefined;
}

/** A group in a container with an IOMMU, of one life of a device. */
interface Holding {
  readonly life: string;
  readonly name: string;
  readonly path: string;
  group: number | undefined;
  container: number | undefined;
}

export class DeviceFiles {
  readonly #machine: Machine;
  readonly #held: HeldFiles;
  readonly #program: Descriptors;
  #holdings: Holding[] = [];
  #files: number[] = [];
  #writers: Writer[] = [];
  #uuid: string | undefined;

  constructor(machine: Machine, held: HeldFiles) {
    this.#machine = machine;
    this.#held = held;
    this.#program = new Descriptors(machine.bus);
  }

  /** Whether a writer has not been asked for its result. */
  get busy(): boolean {
    return this.#writers.length > 0;
  }

  /** The device that a writer waited for since all was closed. */
  get uuid(): string | undefined {
    return this.#uuid;
  }

  /** The device's file that is open. */
  get #current(): number {
    const file = this.#files[0];
    if (file === undefined) throw new Unclear('no device file is open');
    return file;
  }

  /** The group that was opened last, its device gone or not. */
  get #last(): Holding {
    const last = this.#holdings.at(-1);
    if (last === undefined) throw new Unclear('no group is open');
    return last;
  }

  /** Opens a device's group, puts it into a container with an IOMMU, and opens the device. */
  async open(uuid: string): Promise<void> {
    const { group, name } = await this.hold(uuid);
    const argument = Buffer.from(`${name}\0`);
    this.#files.push(await this.#program.ioctl(group ?? -1, uapi.GROUP_GET_DEVICE_FD, argument));
  }

  /** Opens a device's group and puts it into a container with an IOMMU, unless that is so. */
  async hold(uuid: string): Promise<Holding> {
    const mdev = this.#machine.mdev(uuid);
    const life = mdev === undefined ? `none ${uuid}` : `${mdev.index} ${mdev.generation}`;
    const known = this.#holdings.find((holding) => holding.life === life && holding.group !== undefined);
    if (known !== undefined) return known;
    const path = `/dev/vfio/${mdev?.group}`;
    const holding: Holding = { life, name: uuid, path, group: undefined, container: undefined };
    this.#holdings.push(holding);
    holding.group = await this.#program.open(path);
    holding.container = await this.#program.open('/dev/vfio/vfio');
    await this.#setContainer(holding);
    await this.#program.ioctl(holding.container, uapi.SET_IOMMU, uapi.EXTENSIONS.type1v2);
    return holding;
  }

  /** Opens and closes a device through the group that is open: 0 or a negative errno. */
  async tryOpen(uuid: string): Promise<number> {
    try {
      const { group } = this.#holdings.at(-1) ?? (await this.hold(uuid));
      const argument = Buffer.from(`${uuid}\0`);
      await this.#program.close(await this.#program.ioctl(group ?? -1, uapi.GROUP_GET_DEVICE_FD, argument));
      return 0;
    } catch (error) {
      return resultOf(error);
    }
  }

  /** A command on the group or the container that is open, or whose device has gone. */
  async command(command: FileCommand, uuid: string): Promise<number> {
    const { group = -1, container = -1 } = this.#last;
    switch (command) {
      case 'status':
        return this.#program.ioctl(group, uapi.GROUP_GET_STATUS, uapi.groupStatus.bytes({ argsz: 8 }));
      case 'device':
        return this.tryOpen(uuid);
      case 'unset':
        return this.#program.ioctl(group, uapi.GROUP_UNSET_CONTAINER);
      case 'set':
        return this.#setContainer(this.#last);
      case 'iommu':
        return this.#program.ioctl(container, uapi.SET_IOMMU, uapi.EXTENSIONS.type1v2);
      case 'info':
        return this.#program.ioctl(container, uapi.IOMMU_GET_INFO, uapi.iommuInfo.bytes({ argsz: 24 }));
    }
  }

  /** Opens the node of the group that was opened last, by its path. */
  async openNode(): Promise<number> {
    await this.#program.close(await this.#program.open(this.#last.path));
    return 0;
  }

  async read(): Promise<number> {
    return (await this.#program.pread(this.#current, 1, 0)).length;
  }

  async deviceInfo(): Promise<number> {
    const argument = uapi.deviceInfo.bytes({ argsz: uapi.deviceInfo.size });
    return this.#program.ioctl(this.#current, uapi.DEVICE_GET_INFO, argument);
  }

  /** Somebody signals the writer that waits for the device's users. */
  async signal(): Promise<string> {
    const mdev = this.#uuid === undefined ? undefined : this.#held.mdev(this.#uuid);
    if (mdev === undefined) throw new Unclear('nobody waits');
    await interruptRemoval(this.#machine.bus, mdev);
    return this.state();
  }

  /** Closes groups or containers; their devices' files stay open. */
  async closeOther(which: 'group' | 'container'): Promise<void> {
    for (const holding of this.#holdings) {
      const descriptor = holding[which];
      holding[which] = undefined;
      if (descriptor !== undefined) await this.#program.close(descriptor);
    }
  }

  /** Starts a write; its result if it is not blocked. */
  async write(
    { writer: kind, bytes, opened, held }: { writer: WriterKind; bytes: Buffer; opened: boolean; held: boolean },
    uuid: string,
  ): Promise<number | 'blocked'> {
    if (opened && this.#files.length === 0) await this.open(uuid);
    if (held) await this.hold(uuid);
    const mdev = this.#held.mdev(uuid);
    const text = bytes.length === 0 ? Buffer.from(uuid) : bytes;
    const path =
      kind === 'remove' || mdev === undefined
        ? `/sys${mdev?.parent.path ?? '/bus/mdev/devices'}/${uuid}/remove`
        : `/sys/bus/mdev/drivers/${mdev.parent.driver}/unbind`;
    const done = this.#machine
      .open(path, 'write')
      .then((file) => file.write(text))
      .catch(resultOf);
    const writer: Writer = { kind, done, result: undefined };
    void done.then((result) => {
      writer.result = result;
    });
    if (mdev !== undefined) await this.#machine.reached(mdev, done);
    await this.#settle([writer]);
    if (writer.result !== undefined) return writer.result;
    this.#writers.push(writer);
    this.#uuid = uuid;
    return 'blocked';
  }

  /** Waits for the result of the writer of this kind. */
  async result(kind: WriterKind): Promise<number> {
    const writer = this.#writers.find((candidate) => candidate.kind === kind);
    if (writer === undefined) throw new Unclear(`nobody waits in ${kind}`);
    this.#writers = this.#writers.filter((candidate) => candidate !== writer);
    return writer.done;
  }

  /** What the recordings say of the only writer. */
  async state(): Promise<string> {
    await this.#settle(this.#writers);
    if (this.#writers.some((writer) => writer.result === undefined)) return 'blocked';
    this.#writers = [];
    return 'writer ended';
  }

  async closeFiles(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    for (const file of files) await this.#program.close(file);
    await this.#settle(this.#writers);
  }

  /** Closes all and waits for the writers. */
  async closeAll(): Promise<void> {
    await this.closeFiles();
    await this.#program.closeAll();
    this.#holdings = [];
    for (const writer of this.#writers) await writer.done;
    this.#writers = [];
    this.#uuid = undefined;
  }

  /** What exists of a device in its newest life, under the names that the recordings give. */
  exists(uuid: string): Readonly<Record<string, number>> {
    const mdev = this.#held.mdev(uuid);
    const presence = mdev?.presence;
    const one = (exists: boolean | undefined) => (exists === true ? 1 : 0);
    return {
      dir: one(presence?.directory),
      remove: one(presence?.remove),
      mdev_type: one(presence?.links),
      driver: one(presence?.driver),
      iommu_group: one(mdev?.group !== undefined),
      vendor: one(presence?.driver),
      type_devices_link: one(presence?.links),
      bus_devices_link: one(presence?.bus),
      'vfio-dev': one(this.#machine.hasVfioDevice(uuid)),
    };
  }

  #setContainer({ group = -1, container = -1 }: Holding): Promise<number> {
    const argument = new Uint8Array(Int32Array.of(container).buffer);
    return this.#program.ioctl(group, uapi.GROUP_SET_CONTAINER, argument);
  }

  /**
   * Lets everything happen that can: with no file open nothing keeps a writer, so its end is waited for (it wakes up on
   * its device's thread whenever that thread's event loop comes to it); with one open, two round trips to every thread
   * answer whatever was sent before and need not wait.
   */
  async #settle(writers: readonly Writer[]): Promise<void> {
    if (this.#files.length === 0) await withinPatience(Promise.all(writers.map((writer) => writer.done)));
    for (let trip = 0; trip < 2; trip++) {
      for (const parent of this.#machine.bus.parents()) {
        for (const shard of parent.shards) await shard.ask('available', 0).catch(ignoreEnd);
      }
      await setImmediate();
    }
    this.#machine.bus.drainEvents();
  }
}

/** Waits for what must happen; long enough to call it stuck otherwise. */
async function withinPatience(happening: Promise<unknown>): Promise<void> {
  const giveUp = new AbortController();
  await Promise.race([happening, setTimeout(PATIENCE, undefined, { signal: giveUp.signal }).catch(() => {})]);
  giveUp.abort();
}

function ignoreEnd(error: unknown): void {
  if (!isMediatedError(error)) throw error;
}
