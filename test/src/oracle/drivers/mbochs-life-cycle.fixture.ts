/**
 * The life cycle of mbochs only: its types, its budget of 256 MB that it keeps itself, its description and its vendor
 * attribute, as recorded. The display itself is not here; the oracle replayer asks for none of it.
 */
import { MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';

const MEGABYTES = { small: 4, medium: 16, large: 64 } as const;

function megabytesOf(type: string): number {
  return MEGABYTES[type as keyof typeof MEGABYTES];
}

export default defineDriver({
  name: 'mbochs',
  deviceApi: 'vfio-pci',
  types: Object.keys(MEGABYTES).map((sysfsName) => ({ sysfsName })),
  shared: { memory: { budget: 256 } },
  start: ({ shared: { memory } }) => ({
    init(device) {
      const megabytes = megabytesOf(device.type.sysfsName);
      if (!memory.tryAcquire(megabytes)) throw new MediatedError('ENOSPC', `less than ${megabytes} MB are left`);
      return megabytes;
    },
    release: (device) => memory.release(device.data),
    getAvailable: (type) => Math.floor(memory.value / megabytesOf(type.sysfsName)),
    showDescription: (type) => `virtual display, ${megabytesOf(type.sysfsName)} MB video memory\n`,
    attributes: [{ path: 'vendor/memory', show: (device) => `${device.data} MB\n` }],
  }),
});
