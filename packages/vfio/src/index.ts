/** Entry `@mediated/vfio`: VFIO devices, device sets and device files on the mdev bus. */
export type { Clock } from './clock.js';
export { VfioDevice } from './device.js';
export { DeviceFile } from './device-file.js';
export type { DeviceSet } from './device-set.js';
export { defineDriver, type DeviceDriver } from './driver.js';
export type { DeviceFileNotice } from './file-channels.js';
export type { AnonymousFile } from './anonymous-file.js';
export { AnonymousFileHandle } from './anonymous-handle.js';
export { InterruptCounter } from './interrupt-counter.js';
export { openDevice, openDeviceSync } from './open-device.js';
export type { DeviceAttribute, DeviceOperations, IoctlCall } from './operations.js';
export type { PassedFile, PassedFiles } from './passed-file.js';
export { RemoteFile } from './remote-file.js';
export { DeviceInterrupts, type EventfdSource, type InterruptIndex } from './irqs/device-interrupts.js';
export { InterruptLine, type LineBehavior } from './irqs/interrupt-line.js';
export { descriptorAt, type IrqAction, type IrqData, type IrqSet, isMeant, readIrqSet } from './irqs/irq-set.js';
export { Virqfd, type VirqfdCallbacks } from './irqs/virqfd.js';
