/** A driver of one PCI function, as vfio-pci is: creating its device is binding it. For tests. */
import { defineMdevDriver } from '@mediated/core';

export const FUNCTION = { name: '0000:01:00.0', uuid: '6c1c3a77-5d0e-5f0a-9d3a-0123456789ab' };

export default defineMdevDriver({
  name: 'vfio-pci',
  deviceApi: 'vfio-pci',
  bus: 'pci',
  maxInstances: 1,
  types: [{ sysfsName: 'device' }],
  start: (host) => ({
    probe: (device) => device.named(host.bus.memory.names.intern(FUNCTION.name)),
  }),
});
