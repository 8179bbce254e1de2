/**
 * vfio_ap, the driver of s390 crypto adapters, over an emulated AP bus (spec/vendors/ap). Entry `@mediated/vendors/ap`:
 * make an {@link ApBus}, load the driver with its handle as option `apBus`. Devices live on the thread that probed them;
 * everything that is global lies in the AP bus's shared memory, under its one mutex.
 */
import { type DriverHost, MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';
import { withFaults } from '../faults/with-faults.js';
import { type ApBusHandle, ApMemory, MAX_MATRICES } from './ap-memory.js';
import { apOperations } from './operations.js';

export { ApBus, type ApBusOptions, type ApConfiguration, apqn } from './ap-bus.js';
export type { ApBusHandle } from './ap-memory.js';
export type { ApGuest, ApGuestOptions, InterruptRequest } from './ap-guest.js';
export { RESPONSES } from './queue.js';
export type { ApEvent } from './trace.js';

/** Options of `loadDriver`. */
export interface ApOptions {
  /** `ApBus.handle`. Without one the machine has no AP instructions, and loading fails with ENODEV. */
  readonly apBus: ApBusHandle;
}

/** The device of which matrix devices are made, unless `loadDriver` is told of another. */
const PARENT = { name: 'matrix', path: '/devices/vfio_ap/matrix', subsystem: 'matrix' } as const;

/** What the driver declares; the module's default export makes a driver of it. */
export const ap = {
  name: 'vfio_ap',
  deviceApi: 'vfio-ap',
  types: [{ sysfsName: 'passthrough', prettyName: 'VFIO AP Passthrough Device' }],
  maxInstances: MAX_MATRICES,
  /** ENODEV: there is no AP bus. */
  configure(options: unknown) {
    const { apBus } = (options ?? {}) as Partial<ApOptions>;
    if (apBus?.buffer instanceof SharedArrayBuffer) return { options, parents: [PARENT] };
    throw new MediatedError('ENODEV', 'this machine has no AP instructions: pass `apBus`, the handle of an ApBus', {
      syscall: 'loadDriver',
    });
  },
  start: ({ bus, options }: DriverHost) =>
    apOperations(new ApMemory((options as ApOptions).apBus, bus), ({ dma }) => dma),
};

export default withFaults(defineDriver(ap));
