/** A driver for tests that has no callbacks at all. */
import { defineDriver } from '@mediated/vfio';

export default defineDriver({
  name: 'bare',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'any' }],
  maxInstances: 10,
  start: () => ({}),
});
