/** Entry `@mediated/fleet`: many hosts as one mediated-device space, on NATS JetStream. */
export type { ConnectionOptions } from './connection.js';
export type { EventsOptions, FleetEvent } from './event-reader.js';
export { type CreateOptions, Fleet, type FleetDevice, type FleetOptions } from './fleet.js';
export { FleetHost, type HostOptions } from './host.js';
export type { Machine, MachineDevice, MachineEvent, MachineFile } from './machine.js';
export type { Candidate, Policy, Wanted } from './placement.js';
export type { Outcome, Placed } from './placing.js';
export type { EventRecord, InventoryRecord, ParentOffer, TypeOffer } from './records.js';
export { RemoteDevice } from './remote-device.js';
export type { HostState, HostView } from './view.js';
