/**
 * `pnpm soak [--cycles N]`: too much of everything at once, then N lives of devices (default a million) during which nothing
 * may grow (docs/chaos.md). Last line: `N passed, N failed`. Exit: 0 when all held, 1 when something did not, 2 for arguments
 * that make no sense.
 */
import { parseArgs } from 'node:util';
import { load } from './load.js';
import { type Measurement, soak } from './soak.js';

const USAGE = 'usage: pnpm soak [--cycles N]';
const MEBIBYTE = 1024 * 1024;

function tell(): never {
  console.log(USAGE);
  process.exit(0);
}

function refuse(reason: string): never {
  console.error(`soak: ${reason}\n${USAGE}`);
  process.exit(2);
}

function readCycles(): number {
  try {
    const { values } = parseArgs({
      options: { cycles: { type: 'string', default: '1000000' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) tell();
    const cycles = Number(values.cycles);
    if (Number.isSafeInteger(cycles) && cycles >= 1000) return cycles;
    refuse(`--cycles is ${values.cycles}; a number from 1000 on is wanted`);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

const mebibytes = (bytes: number) => (bytes / MEBIBYTE).toFixed(2);

function line(measurement: Measurement): string {
  const { cycles, seconds, heap, driverHeaps, clientHeap, resident, slots, lockWords, descriptors, threads } =
    measurement;
  const rate = Math.round(cycles / seconds);
  return (
    `  ${cycles} cycles (${rate}/s): heap ${mebibytes(heap)} MiB, drivers' ${mebibytes(driverHeaps)}, ` +
    `client's ${mebibytes(clientHeap)}, resident ${mebibytes(resident)}, ${slots} slots, ${lockWords} words of locks, ` +
    `${descriptors} descriptors, ${threads} threads`
  );
}

const cycles = readCycles();
console.log('load');
const loaded = await load();
for (const each of loaded.seen) console.log(`  ${each}`);
for (const failure of loaded.failures) console.log(`  FAILED: ${failure}`);
console.log(`soak: ${cycles} lives of devices`);
const soaked = await soak({ cycles, measured: (measurement) => console.log(line(measurement)) });
for (const each of soaked.grown) console.log(`  GROWN: ${each}`);
const failed = loaded.failures.length + soaked.grown.length;
console.log(`${loaded.passed + soaked.passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
