/** A running GVT-g on two threads, for tests. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import type { GvtOptions } from '@mediated/vendors/gvt';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { gfxPlaneInfo, IRQ_SET_FLAGS, irqSet, regionInfo } from '@mediated/vfio/uapi';
import { COMMANDS, FAIL_CREATE, MACHINE, PINS, STATUS, WORDS } from './hooked.fixture.js';

const PARENT = { path: '/devices/pci0000:00/0000:00:02.0', subsystem: 'pci', typePrefix: 'i915' };

export class GvtStage {
  readonly runtime: Runtime;
  readonly parent: Parent;
  readonly #words: Int32Array;

  private constructor(runtime: Runtime, words: Int32Array) {
    this.runtime = runtime;
    this.parent = runtime.bus.parent('0000:00:02.0');
    this.#words = words;
  }

  static async set(options: GvtOptions = {}): Promise<GvtStage> {
    const runtime = Runtime.start();
    const shared = new SharedArrayBuffer(4 * WORDS);
    try {
      await runtime.loadDriver(new URL('./hooked.fixture.js', import.meta.url), {
        threads: 2,
        options: { ...options, shared },
        parents: [{ ...PARENT, name: '0000:00:02.0', threads: 2 }],
      });
    } catch (error) {
      await runtime.close();
      throw error;
    }
    return new GvtStage(runtime, new Int32Array(shared));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.runtime.close();
  }

  /** The virtual machine that opens devices from now on; 0: none. */
  set machine(number: number) {
    Atomics.store(this.#words, MACHINE, number);
  }

  /** Whether creations fail at their last step from now on. */
  set failing(failing: boolean) {
    Atomics.store(this.#words, FAIL_CREATE, Number(failing));
  }

  /** Pins of all pages together. */
  get pinned(): number {
    return this.#words.subarray(PINS).reduce((sum, count) => sum + count, 0);
  }

  /** `number` is that of the type, e.g. 8 for `GVTg_V5_8`. */
  create(number: number, uuid?: string): Promise<Mdev> {
    return this.parent.create(`i915-GVTg_V5_${number}`, uuid);
  }

  /** By the machine of that number. */
  open(mdev: Mdev, machine: number): Promise<DeviceFile> {
    this.machine = machine;
    return openDevice(this.runtime.bus, mdev);
  }

  /** What is available of each type, in their order. */
  available(): Promise<number[]> {
    return Promise.all(this.parent.types.map(({ id }) => this.parent.availableInstances(id)));
  }
}

/** The ioctls of a vGPU, and the commands of the test's driver. */
export class GvtClient {
  readonly file: DeviceFile;

  constructor(file: DeviceFile) {
    this.file = file;
  }

  /** As the hooks see it. */
  async status(): Promise<Record<(typeof STATUS)[number], number>> {
    const argument = await this.command('status');
    const words = new Uint32Array(argument.buffer, 0, STATUS.length);
    return Object.fromEntries(STATUS.map((name, i) => [name, words[i]])) as Record<(typeof STATUS)[number], number>;
  }

  async command(name: keyof typeof COMMANDS, ...words: number[]): Promise<Uint8Array> {
    const argument = new Uint8Array(64);
    new Uint32Array(argument.buffer).set(words);
    await this.file.ioctl(COMMANDS[name], argument);
    return argument;
  }

  /** Maps guest frames for the GPU; returns the DMA address. */
  async map(frame: number, pages = 1): Promise<bigint> {
    return new DataView((await this.command('map', frame, pages)).buffer).getBigUint64(8, true);
  }

  async unmap(address: bigint): Promise<void> {
    await this.command('unmap', 0, 0, Number(address), 0);
  }

  async region(index: number, argsz = 128): Promise<{ info: ReturnType<typeof regionInfo.decode>; bytes: Uint8Array }> {
    const bytes = regionInfo.bytes({ argsz, index }, Math.max(argsz, 32));
    await this.file.ioctl(0x3b6c, bytes);
    return { info: regionInfo.decode(bytes), bytes };
  }

  async word(position: number): Promise<number> {
    const bytes = await this.file.read(position, 4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  write(position: number, value: number, bytes = 4): Promise<number> {
    return this.file.write(position, new Uint8Array(Uint32Array.of(value).buffer, 0, bytes));
  }

  /** SET_IRQS with one descriptor, or none. */
  setIrqs(index: number, flags: number, count = 1, descriptor?: number, files?: Parameters<DeviceFile['ioctl']>[2]) {
    const length = descriptor === undefined ? 20 : 24;
    const argument = irqSet.bytes({ argsz: length, flags, index, start: 0, count }, length);
    if (descriptor !== undefined) new DataView(argument.buffer).setInt32(20, descriptor, true);
    return this.file.ioctl(0x3b6e, argument, files);
  }

  bindMsi(files: Parameters<DeviceFile['ioctl']>[2], descriptor = 0): Promise<number> {
    return this.setIrqs(1, IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger, 1, descriptor, files);
  }

  async plane(type = 1, flags = 2): Promise<ReturnType<typeof gfxPlaneInfo.decode>> {
    const argument = gfxPlaneInfo.bytes({ argsz: 60, flags, drm_plane_type: type });
    await this.file.ioctl(0x3b72, argument);
    return gfxPlaneInfo.decode(argument);
  }

  dmaBuf(id: number): Promise<number> {
    return this.file.ioctl(0x3b73, new Uint8Array(Uint32Array.of(id).buffer));
  }
}
