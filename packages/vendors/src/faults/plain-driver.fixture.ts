/** A driver that does nothing, with faults: for `with-faults.test.ts`. Each parent may have 64 of its devices. */
import { defineMdevDriver } from '@mediated/core';
import { withFaults } from '#dist/faults/with-faults.js';

export default withFaults(
  defineMdevDriver({
    name: 'plain',
    deviceApi: 'vfio-pci',
    types: [{ sysfsName: 'one' }, { sysfsName: 'two' }],
    maxInstances: 64,
    start: ({ options }) => ({ parentAttributes: [{ path: 'options', show: () => `${JSON.stringify(options)}\n` }] }),
  }),
);
