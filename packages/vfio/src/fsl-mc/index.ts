/** Entry `@mediated/vfio/fsl-mc`: containers of a management complex and their objects, under `vfio-fsl-mc`. */
export { MC_COMMAND_BYTES, MC_STATUS, mcCommand, mcHeader, mcStatus, withMcStatus } from './command.js';
export { McBus, type McBindOptions, type McWarning } from './mc-bus.js';
export type { McBusHandle } from './mc-records.js';
export type { McContainerSpec, McIrqSpec, McObjectSpec, McRegionSpec, McSpec } from './mc-spec.js';
export { defineMcModel, type McModel, type McModelFactory, type McObject } from './model.js';

/** The driver `vfio-fsl-mc`, for `loadDriver`; its options are `McBus.handle`. */
export const fslMcUrl = new URL('./vfio-fsl-mc.js', import.meta.url);
