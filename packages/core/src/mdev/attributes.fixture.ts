/**
 * Drivers for the tests of the attribute model. `labelled` has a description and two vendor attributes, one of them
 * writable; four instances.
 */
import { defineMdevDriver, type MdevDevice, MediatedError } from '#dist/index.js';

const labels = new WeakMap<MdevDevice, string>();

export default defineMdevDriver({
  name: 'labelled',
  deviceApi: 'vfio-pci',
  maxInstances: 4,
  types: [{ sysfsName: 'one', prettyName: 'The first' }, { sysfsName: 'two' }],
  start: () => ({
    showDescription: (type) => `type number ${type.index}\n`,
    attributes: [
      { path: 'serial', show: (device) => `${device.uuid}\n` },
      {
        path: 'group/label',
        show: (device) => labels.get(device) ?? 'none',
        store(device, text) {
          if (text.includes('bad')) throw new MediatedError('EOVERFLOW', 'no such label');
          labels.set(device, text);
        },
      },
    ],
  }),
});
