/** Entry `@mediated/vfio/physical`: devices that are not mediated, under drivers of their own. */
export { bind, type BindOptions, boundDevice, unbind } from './bind.js';
export {
  definePhysicalDriver,
  type PhysicalDriver,
  type PhysicalHost,
  type PhysicalOperations,
  type PhysicalShare,
} from './define-physical-driver.js';
export type { HostDriver, PhysicalDevice } from './description.js';
export { physicalUuid } from './identity.js';
export { PhysicalMemory } from './physical-memory.js';
