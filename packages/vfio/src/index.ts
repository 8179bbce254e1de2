/** Entry `@mediated/vfio`: VFIO devices, device sets and device files on the mdev bus. */
export type { Clock } from './clock.js';
export { VfioDevice } from './device.js';
export { DeviceFile } from './device-file.js';
export type { DeviceSet } from './device-set.js';
export { defineDriver, type DeviceDriver } from './driver.js';
export type { DeviceFileNotice, DeviceInUseNotice, OpenRefusalNotice } from './file-channels.js';
export { type AnonymousFile, NO_POSITION } from './anonymous-file.js';
export { AnonymousFileHandle } from './anonymous-handle.js';
export { InterruptCounter } from './interrupt-counter.js';
export { interruptRemoval } from './interrupt-removal.js';
export type { MapAccess, MappedMemory } from './mapped-memory.js';
export { openDevice, openDeviceSync } from './open-device.js';
export { pageAlignedMemory } from './page-aligned-memory.js';
export { AddressMap } from './program/address-map.js';
export {
  ContainerFile,
  type DmaRange,
  type Mapping,
  openContainer,
  openContainerSync,
} from './program/container-file.js';
export type { Described } from './program/descriptor-table.js';
export { Descriptors, type DescriptorsOptions, type IoctlArgument } from './program/descriptors.js';
export { DeviceNodeFile, openDeviceNode, openDeviceNodeSync } from './program/device-node.js';
export { GroupFile, type GroupStatus, openGroup, openGroupSync, type OpenOptions } from './program/group-file.js';
export { type IoasMapping, IommufdFile, openIommufd, openIommufdSync } from './program/iommufd-file.js';
export { KvmFile, openKvm, openKvmSync } from './program/kvm-file.js';
export type { DeviceAttribute, DeviceOperations, IoctlCall, OpenedAs } from './operations.js';
export type { DeviceDma, PinAccess, RemoteMemory } from './iommu/device-access.js';
export type { PassableFile, PassedFile, PassedFiles } from './passed-file.js';
export { RemoteFile } from './remote-file.js';
export { type LocalFile, localFile } from './local-file.js';
export { setRemoteMemory } from './remote-memory.js';
export { DeviceInterrupts, type EventfdSource, type InterruptIndex } from './irqs/device-interrupts.js';
export { InterruptLine, type LineBehavior, type Signalled } from './irqs/interrupt-line.js';
export { descriptorAt, type IrqAction, type IrqData, type IrqSet, isMeant, readIrqSet } from './irqs/irq-set.js';
export { Virqfd, type VirqfdCallbacks } from './irqs/virqfd.js';
export { checkFeature } from './features/check-feature.js';
export { combineRanges } from './logging/combine-ranges.js';
export type { DirtyBitmap } from './logging/dirty-bitmap.js';
export type { IovaRange } from './logging/iova-range.js';
export type { DmaLoggingOperations } from './logging/operations.js';
export { MigrationMachine, type MigrationSteps } from './migration/migration-machine.js';
export { type MigrationArc, migrationArcs, nextHop } from './migration/next-hop.js';
export type { MigrationOperations } from './migration/operations.js';
export { type ResumingOptions, ResumingStream } from './migration/resuming-stream.js';
export { type SavingOptions, SavingStream } from './migration/saving-stream.js';
export type { DeviceInfo, IrqInfo, IrqRequest, RegionInfo } from './requests/device-requests.js';
export type { FeatureUse, PrecopyInfo } from './requests/feature-requests.js';
export type { GfxPlane, GfxPlaneKind } from './requests/gfx-requests.js';
export { MigrationDataFile } from './requests/migration-data-file.js';
export type { DependentDevice, HotResetInfo, IoeventfdRequest } from './requests/pci-requests.js';
export { defineParentDriver, type ParentDriver, type ParentDriverAttribute } from './compat/define-parent-driver.js';
export type { MediatedDevice, Outcome, ParentOperations } from './compat/parent-operations.js';
export { reportDriverError } from './driver-report.js';
