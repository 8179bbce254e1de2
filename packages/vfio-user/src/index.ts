/** Entry `@mediated/vfio-user`: devices of the runtime for virtual machines, and a client that plays the machine. */
export { answered, type Channel, type Reply } from './client/channel.js';
export { connect, VfioUserClient } from './client/client.js';
export type { GuestMapping } from './client/guest-mappings.js';
export { GuestMemory } from './client/guest-memory.js';
export type { SmallWrite } from './client/region-writes.js';
export type { ServedRegion } from './client/served-region.js';
export { EventDescriptor } from './native/event-descriptor.js';
export { Descriptor, Ledger } from './native/ledger.js';
export { COMMANDS, FLAGS } from './protocol/message.js';
export type { Capabilities } from './protocol/version.js';
export { ServedDevices, serveDevices, type ServeDevicesOptions } from './server/serve-devices.js';
export { ServedDevice, serveDevice, type ServeDeviceOptions } from './server/serve.js';
