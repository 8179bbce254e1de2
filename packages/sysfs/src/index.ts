/** Entry `@mediated/sysfs`: the runtime as a file tree that unmodified tools use. */
export { type MountOptions, mountSysfs, type SysfsMount } from './mount/mount.js';
export type { PciFunctionDescription } from './tree/pci-functions.js';
