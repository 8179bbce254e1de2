/**
 * i915 GVT-g as a driver (spec/vendors/gvt): vGPUs out of the graphics memory and fences of one GPU, in the types that
 * fit. Entry `@mediated/vendors/gvt`. Loaded by `runtime.loadDriver(gvtUrl, { options })`, where the options describe the
 * GPU; authors of register emulation make a module of their own, `export default defineDriver(gvt(hooks))`.
 */
import type { DriverHost } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';
import { withFaults } from '../faults/with-faults.js';
import { CONFIGURATIONS, hardwareOf, offered, typeName } from './hardware.js';
import type { GvtHooks } from './hooks.js';
import { gvtOperations } from './operations.js';
import { RESOURCES_BYTES } from './resources.js';

export type { DmaCache } from './dma-cache.js';
export type { Configuration, GvtOptions, Platform } from './hardware.js';
export type { GvtHooks } from './hooks.js';
export type { FindPlane, ShownPlane } from './planes.js';
export type { RegisterHooks } from './registers.js';
export type { Share } from './resources.js';
export type { Vgpu } from './vgpu.js';

/** Where the GPU is unless `loadDriver` is told of others. */
const PARENT = {
  name: '0000:00:02.0',
  path: '/devices/pci0000:00/0000:00:02.0',
  subsystem: 'pci',
  typePrefix: 'i915',
} as const;

/** What the driver declares, with an author's hooks; `defineDriver` makes a driver module of it. */
export function gvt(hooks: GvtHooks = {}) {
  return {
    name: 'intel_vgpu_mdev',
    deviceApi: 'vfio-pci',
    types: CONFIGURATIONS.map((configuration) => ({ sysfsName: typeName(hardwareOf(undefined), configuration) })),
    /** EINVAL names the option that is wrong. */
    configure(options: unknown) {
      const hardware = hardwareOf(options);
      return {
        types: offered(hardware).map((configuration) => ({ sysfsName: typeName(hardware, configuration) })),
        perParent: { budgets: { gvt: { budget: 1 } }, memory: { vgpus: RESOURCES_BYTES } },
        parents: [PARENT],
        options: hardware,
      };
    },
    start: (host: DriverHost) => gvtOperations(host, hooks, ({ dma }) => dma),
  };
}

export default withFaults(defineDriver(gvt()));
