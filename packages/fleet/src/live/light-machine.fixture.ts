/** A machine that only counts: one parent, one type, so many instances. For tests that need many hosts, or to look inside. */
import { MediatedError } from '@mediated/core';
import type { Machine, MachineDevice, MachineEvent, MachineFile, ParentOffer } from '@mediated/fleet';

type Listener = (event: MachineEvent) => void;

export class LightMachine implements Machine {
  readonly #instances: number;
  readonly #devices = new Map<string, MachineDevice>();
  readonly #listeners = new Set<Listener>();
  readonly #texts = new Map<string, string>();
  /** What the next creates wait for. */
  hold: Promise<void> | undefined;
  /** Thrown by every create. */
  failure: MediatedError | undefined;
  opened = 0;

  constructor(instances = 16) {
    this.#instances = instances;
  }

  async offers(): Promise<ParentOffer[]> {
    const type = { type: 'light-1', name: 'light', available: this.available, description: '' };
    return [{ parent: 'light', driver: 'light', deviceApi: 'vfio-pci', types: [type] }];
  }

  get available(): number {
    return this.#instances - this.#devices.size;
  }

  devices(): MachineDevice[] {
    return [...this.#devices.values()];
  }

  has(uuid: string): boolean {
    return this.#devices.has(uuid);
  }

  async create(parent: string, type: string, uuid: string): Promise<void> {
    await this.hold;
    if (this.failure !== undefined) throw this.failure;
    if (parent !== 'light') throw new MediatedError('ENODEV', `no parent ${parent}`);
    if (type !== 'light-1') throw new MediatedError('ENOENT', `no type ${type}`);
    this.put(uuid);
  }

  /** A device appears, as when it is made on the machine itself. */
  put(uuid: string): void {
    if (this.#devices.has(uuid)) throw new MediatedError('EEXIST', `create ${uuid}`);
    if (this.available <= 0) throw new MediatedError('EUSERS', `create ${uuid}`);
    this.#devices.set(uuid, { uuid, parent: 'light', type: 'light-1' });
    this.#tell('add', uuid);
  }

  async remove(uuid: string): Promise<void> {
    if (!this.#devices.delete(uuid)) throw new MediatedError('ENODEV', `remove ${uuid}`);
    this.#tell('remove', uuid);
  }

  async readAttribute(uuid: string, path: string): Promise<string> {
    const text = this.#texts.get(`${uuid}/${path}`);
    if (text === undefined) throw new MediatedError('ENOENT', `no file ${path}`);
    return text;
  }

  async writeAttribute(uuid: string, path: string, text: string): Promise<void> {
    this.#texts.set(`${uuid}/${path}`, text);
  }

  async attributes(uuid: string): Promise<{ readonly path: string; readonly mode: number }[]> {
    const own = [...this.#texts.keys()].filter((key) => key.startsWith(uuid));
    return own.map((key) => ({ path: key.slice(uuid.length + 1), mode: 0o644 }));
  }

  async open(uuid: string): Promise<MachineFile> {
    if (!this.#devices.has(uuid)) throw new MediatedError('ENODEV', `open ${uuid}`);
    this.opened++;
    const bytes = new Uint8Array(4096);
    return {
      read: async (offset, length) => bytes.slice(offset, offset + length),
      write: async (offset, given) => {
        bytes.set(given, offset);
        return given.length;
      },
      ioctl: async (command, argument) => {
        argument.fill(command & 0xff);
        return 0;
      },
      close: async () => {
        this.opened--;
      },
    };
  }

  follow(onEvent: Listener): () => void {
    this.#listeners.add(onEvent);
    return () => this.#listeners.delete(onEvent);
  }

  #tell(action: string, uuid: string): void {
    const devpath = `/devices/light/${uuid}`;
    for (const listener of this.#listeners) listener({ action, uuid, subsystem: 'mdev', devpath });
  }
}
