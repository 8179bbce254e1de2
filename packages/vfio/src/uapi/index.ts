/** Entry `@mediated/vfio/uapi`: commands, flags and structures of the user API (linux/vfio.h), as data. */
export * from './argument.js';
export * from './capability-chain.js';
export * from './channel.js';
export * from './device.js';
export * from './feature.js';
export * from './gfx.js';
export * from './group.js';
export * from './iommu.js';
export * from './iommufd.js';
export * from './irq.js';
export * from './logging.js';
export * from './migration.js';
export * from './pci.js';
export * from './region.js';
export { defineStruct, type FieldKind, type Struct, type ValuesOf, type ValuesOfStruct } from './struct.js';
