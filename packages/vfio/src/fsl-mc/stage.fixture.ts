/** An MC under `vfio-fsl-mc` on two threads, for tests. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { fslMcUrl, McBus, type McObjectSpec, type McSpec, mcHeader } from '@mediated/vfio/fsl-mc';
import { boundDevice } from '@mediated/vfio/physical';
import type { ObjectOptions } from './mc-model.fixture.js';

export const MODEL = new URL('./mc-model.fixture.js', import.meta.url).href;

/** An object with a portal of a page and interrupts. */
export function dpni(id: number, irqs: number, modelOptions: ObjectOptions): McObjectSpec {
  return { type: 'dpni', id, irqs, regions: [{ start: 0x8_0000_0000, size: 0x1000 }], model: MODEL, modelOptions };
}

/** Bytes of a command: its number and the words behind the header. */
export function command(number: number, ...words: bigint[]): Uint8Array {
  const all = new BigUint64Array(8);
  all.set([mcHeader(number), ...words]);
  return new Uint8Array(all.buffer);
}

/** The words of an answer. */
export function wordsOf(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(bytes.slice().buffer);
}

export class Complex {
  readonly runtime: Runtime;
  readonly mc: McBus;
  readonly parent: Parent;

  private constructor(runtime: Runtime, mc: McBus) {
    this.runtime = runtime;
    this.mc = mc;
    this.parent = runtime.bus.parent('mc');
  }

  static async set(spec: McSpec, threads = 1): Promise<Complex> {
    const runtime = Runtime.start();
    try {
      const mc = McBus.create(runtime.bus, spec);
      const parents = [{ name: 'mc', path: '/devices/platform/soc/80c000000.fsl-mc', subsystem: 'platform', threads }];
      await runtime.loadDriver(fslMcUrl, { threads, parents, options: mc.handle });
      return new Complex(runtime, mc);
    } catch (error) {
      await runtime.close();
      throw error;
    }
  }

  /** Objects with an odd id go to the second thread, if there is one. */
  bind(name: string): Promise<Mdev> {
    const { length } = this.parent.shards;
    return this.mc.bind(this.parent, name, { threadOf: (object) => Number(object.split('.')[1]) % length });
  }

  unbind(name: string): Promise<void> {
    return this.mc.unbind(this.parent, name);
  }

  /** Opens a bound device. */
  open(name: string): Promise<DeviceFile> {
    return openDevice(this.runtime.bus, boundDevice(this.runtime.bus, this.parent, name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.runtime.close().then(() => this.mc.close());
  }
}
