/** Entry `@mediated/vfio/platform`: platform and AMBA devices of a board, under `vfio-platform` and `vfio-amba`. */
export type {
  AcpiSpec,
  IrqSpec,
  PlatformDeviceSpec,
  PlatformKind,
  PlatformOptions,
  ResourceSpec,
} from './device-spec.js';
export { definePlatformModel, type PlatformHardware, type PlatformModel, type PlatformModelFactory } from './model.js';
export { defineResetModule, type ResetFunction, type ResetModule, type ResetTarget } from './reset-module.js';
export { ResetRegistry, type ResetRegistryHandle } from './reset-registry.js';

/** The driver `vfio-platform`, for `loadDriver`; its options are `PlatformOptions`. */
export const platformUrl = new URL('./vfio-platform.js', import.meta.url);

/** The driver `vfio-amba`, for `loadDriver`; its options are the same, of whose devices it takes those of kind `amba`. */
export const ambaUrl = new URL('./vfio-amba.js', import.meta.url);
