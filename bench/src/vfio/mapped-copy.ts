/** Bytes a second copied out of a region that a client has mapped, against as many bytes of private memory. */
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { REGION_BYTES, REGISTER_TYPE } from './register-driver.js';

const COPIES = 32;

function copying(source: Uint8Array, target: Uint8Array): number {
  const start = performance.now();
  for (let i = 0; i < COPIES; i++) target.set(source);
  return (COPIES * source.length * 1000) / (performance.now() - start);
}

export const part: Part = async ({ rounds }) => {
  const runtime = Runtime.start();
  await runtime.loadDriver(new URL('./register-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
  const file = await openDevice(runtime.bus, await runtime.bus.parent('parent').create(REGISTER_TYPE));
  const mapped = await file.mmap(0, REGION_BYTES);
  const target = new Uint8Array(REGION_BYTES);
  // Both are written once: memory that was never touched is not there.
  mapped.fill(1);
  const own = new Uint8Array(REGION_BYTES).fill(1);
  const [region, plain] = await alternate(
    [
      { name: 'mapped region', measure: async () => copying(mapped, target) },
      { name: 'private memory', measure: async () => copying(own, target) },
    ],
    rounds,
  );
  return {
    figures: { mmap_copy_vs_memcpy: ratios(region, plain) },
    readings: [
      { name: 'bytes copied out of a mapped region', unit: '/s', values: region },
      { name: 'bytes copied out of private memory', unit: '/s', values: plain },
    ],
    notes: [],
  };
};
