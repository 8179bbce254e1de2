/**
 * The driver behind the figure of opening: a device knows whether it is open and does nothing else. Started by the
 * runtime on its thread, and by the peers' workers without a runtime.
 */
import { MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';

/** The directory name of the driver's only type. */
export const OPEN_TYPE = 'open-1';

export default defineDriver({
  name: 'open',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 2 ** 20,
  start: () => ({
    init: (_device) => ({ inUse: false }),
    openDevice({ data }) {
      if (data.inUse) throw new MediatedError('EBUSY', 'this is no first open');
      data.inUse = true;
    },
    closeDevice({ data }) {
      data.inUse = false;
    },
  }),
});
