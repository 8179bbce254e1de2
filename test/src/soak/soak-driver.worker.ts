/**
 * The soak's driver: devices with a little state of everything that a device may have, faults on request
 * (`@mediated/vendors/faults`), and one more: a parent's file `soak/hang` has the next `init` never give its thread back.
 */
import { getHeapStatistics } from 'node:v8';
import { defineDriver } from '@mediated/vfio';
import { withFaults } from '@mediated/vendors/faults';
import { collectGarbage } from '../process-reading.js';
import { SOAK_DEVICES, SOAK_DRIVER, SOAK_TYPE, type ThreadReading } from './soak-driver.js';

interface Data {
  readonly memory: Uint8Array;
  text: string;
}

// biome-ignore lint/style/noDefaultExport: a driver module's default export is the driver.
export default withFaults(
  defineDriver({
    name: SOAK_DRIVER,
    deviceApi: 'vfio-pci',
    types: [{ sysfsName: SOAK_TYPE.slice(SOAK_DRIVER.length + 1) }],
    maxInstances: SOAK_DEVICES,
    shared: { units: { budget: 4 * SOAK_DEVICES } },
    start({ shared: { units } }) {
      let devices = 0;
      let hangs = false;
      return {
        init(_device): Data {
          while (hangs);
          units.tryAcquire();
          devices++;
          return { memory: new Uint8Array(64), text: '' };
        },
        release() {
          units.release();
          devices--;
        },
        deviceSet: ({ uuid }) => (uuid.startsWith('0') ? 'soak' : undefined),
        read({ data }, position, into) {
          into.set(data.memory.subarray(position, position + into.length));
          return into.length;
        },
        write({ data }, position, bytes) {
          data.memory.set(bytes, position);
          return bytes.length;
        },
        attributes: [
          {
            path: 'soak/text',
            show: ({ data }) => data.text,
            store({ data }, text) {
              data.text = text;
            },
          },
        ],
        parentAttributes: [
          {
            path: 'soak/thread',
            show() {
              collectGarbage();
              const reading: ThreadReading = { heap: getHeapStatistics().used_heap_size, devices };
              return JSON.stringify(reading);
            },
          },
          {
            path: 'soak/hang',
            store() {
              hangs = true;
            },
          },
        ],
      };
    },
  }),
);
