/** A running vfio_ap on two threads over an AP bus, for tests. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { ApBus, type ApBusOptions, type ApEvent } from '@mediated/vendors/ap';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { PAGES } from './paged.fixture.js';

/** Nothing belongs to the default drivers. */
export const FREE = { apmask: '0x0', aqmask: '0x0' };

export class ApStage {
  readonly runtime: Runtime;
  readonly bus: ApBus;
  readonly parent: Parent;
  readonly #pins: Int32Array;
  readonly #kvm: Int32Array;

  private constructor(runtime: Runtime, bus: ApBus, pins: Int32Array, kvm: Int32Array) {
    this.runtime = runtime;
    this.bus = bus;
    this.parent = runtime.bus.parent('matrix');
    this.#pins = pins;
    this.#kvm = kvm;
  }

  static async set(options: ApBusOptions): Promise<ApStage> {
    const runtime = Runtime.start();
    const bus = await ApBus.create(runtime.bus, options);
    const pins = new SharedArrayBuffer(4 * PAGES);
    const kvm = new SharedArrayBuffer(4);
    await runtime.loadDriver(new URL('./paged.fixture.js', import.meta.url), {
      threads: 2,
      options: { apBus: bus.handle, pins, kvm },
      parents: [{ name: 'matrix', path: '/devices/vfio_ap/matrix', subsystem: 'matrix', threads: 2 }],
    });
    return new ApStage(runtime, bus, new Int32Array(pins), new Int32Array(kvm));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.runtime.close();
  }

  create(uuid?: string): Promise<Mdev> {
    return this.parent.create('vfio_ap-passthrough', uuid);
  }

  /** A device with adapters and domains. */
  async device(adapters: readonly number[], domains: readonly number[], uuid?: string): Promise<Mdev> {
    const mdev = await this.create(uuid);
    for (const adapter of adapters) await mdev.storeAttribute('assign_adapter', `${adapter}`);
    for (const domain of domains) await mdev.storeAttribute('assign_domain', `${domain}`);
    return mdev;
  }

  open(mdev: Mdev): Promise<DeviceFile> {
    return openDevice(this.runtime.bus, mdev);
  }

  /** The virtual machine that opens devices from now on; 0: none. */
  set kvm(number: number) {
    Atomics.store(this.#kvm, 0, number);
  }

  /** Pins of all pages together. */
  get pinned(): number {
    return this.#pins.reduce((sum, count) => sum + count, 0);
  }

  /** What `body` makes happen on the bus, as words: `masks 0`, `zeroise 05.0004 0`. */
  async during(body: () => Promise<unknown>): Promise<string[]> {
    const since = this.bus.trace().at(-1)?.number ?? -1;
    await body();
    return this.bus.trace(since + 1).map(words);
  }
}

function words({ kind, subject, response }: ApEvent): string {
  if (kind === 'masks' || kind === 'request') return `${kind} ${subject}`;
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${kind} ${hex(subject >> 8, 2)}.${hex(subject & 0xff, 4)} ${response}`;
}

export const guestMatrix = (mdev: Mdev): Promise<string> => mdev.showAttribute('guest_matrix');
export const matrix = (mdev: Mdev): Promise<string> => mdev.showAttribute('matrix');
