/** Entry `@mediated/vendors/ccw`: the driver module, its load options, and what programs build requests of. */
export { default } from './driver.js';
export { CCW, CCW_FLAGS, CRW, DEVICE_STATUS, FUNCTION, ORB, SCHIB, SCSW, TIC } from './architected.js';
export type { BitField, BitStruct } from './bits.js';
export { DISK_COMMANDS, type Geometry } from './emulation/disk.js';
export type { Attachment } from './emulation/machine.js';
export type { CcwOptions } from './options.js';
export { COMMAND_CLEAR, COMMAND_HALT, COMMAND_REGION, IO_REGION, REGION_SHIFT } from './regions.js';
