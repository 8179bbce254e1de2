/** Bytes a second that a device copies out of a machine's memory and into it, against copies within memory of its own. */
import { connect, GuestMemory, type VfioUserClient } from '@mediated/vfio-user';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { type Part, unmeasured } from '../harness/part.js';
import { COPIER_REGISTERS, COPIER_TYPE, COPIES, COPY, COPY_BYTES } from './copier-driver.js';
import { isMeasurable, WHY_NOT, withDevice } from './served.js';

/** Bytes a second of copies that the device does on its thread. */
async function copying(machine: VfioUserClient, what: number): Promise<number> {
  await machine.write(0, COPIER_REGISTERS.copy, Uint8Array.of(what));
  const bytes = await machine.read(0, COPIER_REGISTERS.milliseconds, 8);
  const milliseconds = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
  return (COPIES * COPY_BYTES * 1000) / milliseconds;
}

export const part: Part = ({ rounds }) => {
  if (!isMeasurable) return Promise.resolve(unmeasured(WHY_NOT));
  return withDevice(new URL('./copier-driver.js', import.meta.url), COPIER_TYPE, async (path) => {
    const machine = await connect(path);
    const memory = GuestMemory.create(COPY_BYTES, machine.ledger);
    memory.bytes.fill(3);
    await machine.mapMemory({ address: 0n, memory });
    const [plain, from, to] = await alternate(
      [
        { name: 'own memory', measure: () => copying(machine, COPY.plain) },
        { name: 'out of guest memory', measure: () => copying(machine, COPY.fromGuest) },
        { name: 'into guest memory', measure: () => copying(machine, COPY.toGuest) },
      ],
      rounds,
    );
    await machine.close();
    memory.close();
    return {
      figures: { dma_vs_memcpy: ratios(from, plain), dma_write_vs_memcpy: ratios(to, plain) },
      readings: [
        { name: 'bytes copied within memory of its own', unit: '/s', values: plain },
        { name: 'bytes copied out of guest memory', unit: '/s', values: from },
        { name: 'bytes copied into guest memory', unit: '/s', values: to },
      ],
      notes: [],
    };
  });
};
