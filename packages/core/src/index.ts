/** Entry `@mediated/core`: the mdev framework. Actors, locks and shared memory have entries of their own. */
export { type ErrnoName, ERRNO, errnoName } from './errno.js';
export { isMediatedError, MediatedError, type MediatedErrorOptions } from './errors.js';
export type { Access, Attribute, AttributeLink } from './mdev/attribute.js';
export { AttributeDirectory } from './mdev/attribute-directory.js';
export { AttributeFile } from './mdev/attribute-file.js';
export { attributeDirectory, openAttribute } from './mdev/attribute-tree.js';
export { Bus } from './mdev/bus.js';
export { busDirectory, driverDirectory, parentDirectory } from './mdev/bus-attributes.js';
export { BusClient } from './mdev/bus-client.js';
export { BusMemory, type BusHandle, type Quirks } from './mdev/bus-memory.js';
export type {
  DeviceEndNotice,
  DeviceNotice,
  DeviceRefusalNotice,
  DriverErrorNotice,
  DriverNotice,
  ParentNotice,
} from './mdev/channels.js';
export { MdevDevice } from './mdev/device.js';
export { deviceDirectory } from './mdev/device-attributes.js';
export {
  type BudgetSpec,
  type BusActor,
  defineMdevDriver,
  type DriverConfiguration,
  type DriverHost,
  type DriverModule,
  type FrameworkActor,
  type MdevDriver,
  type MdevParent,
  type MdevType,
  type ParentAttribute,
  type PerParent,
  type Supervision,
  type TypeSpec,
  type VendorAttribute,
} from './mdev/driver.js';
export { driverFailure, driverNonsense, isThenable } from './mdev/driver-call.js';
export { type DriverSlot, findDriver } from './mdev/driver-slots.js';
export type { LoadOptions } from './mdev/driver-registry.js';
export { frameworkActor } from './mdev/framework-actors.js';
export type { Gate, GateHandle, GateKind } from './mdev/gate.js';
export { DEVICE_FRAMEWORK, DEVICE_IDS, DEVICE_NAME, FRAMEWORK_WORDS } from './mdev/layout.js';
export type { LockStatistics } from './mdev/lock-statistics.js';
export { Mdev, type MdevPresence } from './mdev/mdev.js';
export { Parent, type ParentType } from './mdev/parent.js';
export type { AttributeInfo, DriverInfo } from './mdev/parent-protocol.js';
export type { ParentSpec } from './mdev/parent-spec.js';
export { reserverProtocol } from './mdev/reserver.js';
export { type BusTicket, Runtime } from './mdev/runtime.js';
export type { RuntimeOptions } from './mdev/runtime-options.js';
export { ThreadBus } from './mdev/thread-bus.js';
export { typeDirectory } from './mdev/type-attributes.js';
export type { UeventEvents } from './mdev/uevent-feed.js';
export { type Action, emitChild, emitNode, emitObject, type Uevent } from './mdev/uevents.js';
