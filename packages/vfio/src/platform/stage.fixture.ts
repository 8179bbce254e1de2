/** A board with platform devices under their drivers, for tests. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { bind, unbind } from '@mediated/vfio/physical';
import { ambaUrl, type PlatformDeviceSpec, type PlatformOptions, platformUrl } from '@mediated/vfio/platform';
import type { NicOptions } from './nic-model.fixture.js';

export const NIC_MODEL = new URL('./nic-model.fixture.js', import.meta.url).href;
export const RESETS = new URL('./resets.fixture.js', import.meta.url).href;
export const OTHER_RESETS = new URL('./other-resets.fixture.js', import.meta.url).href;
export const ACME = { 'acme,nic': RESETS, 'acme,memory': RESETS, 'acme,broken': RESETS };

/** A card: a page of registers, an edge-triggered line and a level-triggered one. */
export function nic(name: string, group: number, modelOptions: NicOptions): PlatformDeviceSpec {
  return {
    name,
    group,
    compat: 'acme,nic',
    resources: [{ start: 0x1000_0000, size: 0x1000, registers: true }],
    irqs: [{ number: 33 }, { number: 34, level: true }],
    model: NIC_MODEL,
    modelOptions,
  };
}

export class Board {
  readonly runtime: Runtime;
  readonly parent: Parent;

  private constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.parent = runtime.bus.parent('soc');
  }

  static async set(options: PlatformOptions, threads = 1, kind: 'platform' | 'amba' = 'platform'): Promise<Board> {
    const runtime = Runtime.start();
    try {
      const parents = [{ name: 'soc', path: '/devices/platform/soc', subsystem: 'platform', threads }];
      const complete = { resetModules: ACME, ...options };
      await runtime.loadDriver(kind === 'amba' ? ambaUrl : platformUrl, { threads, parents, options: complete });
      return new Board(runtime);
    } catch (error) {
      await runtime.close();
      throw error;
    }
  }

  bind(name: string, thread?: number): Promise<Mdev> {
    return bind(this.parent, name, thread === undefined ? {} : { thread });
  }

  unbind(name: string): Promise<void> {
    return unbind(this.runtime.bus, this.parent, name);
  }

  open(mdev: Mdev): Promise<DeviceFile> {
    return openDevice(this.runtime.bus, mdev);
  }

  /** Binds and opens. */
  async use(name: string): Promise<DeviceFile> {
    return this.open(await this.bind(name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.runtime.close();
  }
}
