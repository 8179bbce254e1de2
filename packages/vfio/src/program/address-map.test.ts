/** Where a program's memory lies, and for how long. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AddressMap } from '@mediated/vfio';
import { expect, test } from 'vitest';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('memory that was named by itself is not kept: it goes when the program lets go of it', async () => {
  const addresses = new AddressMap();
  const kept = new SharedArrayBuffer(4096);
  const address = addresses.addressOf(kept);
  const dropped = Array.from({ length: 200 }, () => {
    const memory = new SharedArrayBuffer(4096);
    return { address: addresses.addressOf(memory), memory: new WeakRef(memory) };
  });
  // What a turn has made or looked at lives until its end.
  await setImmediate();
  collectGarbage();
  await setImmediate();
  expect(dropped.filter(({ memory }) => memory.deref() !== undefined)).toEqual([]);
  expect(addresses.at(dropped[7]?.address ?? 0n, 1n)).toBeUndefined();
  expect(addresses.prefix(dropped[7]?.address ?? 0n, 1)).toHaveLength(0);
  expect(addresses.addressOf(kept)).toBe(address);
  expect(addresses.at(address, 4096n)?.buffer).toBe(kept);
});

test('memory that was placed stays until it is removed, whoever keeps it', async () => {
  const addresses = new AddressMap();
  const address = addresses.place(new SharedArrayBuffer(16));
  await setImmediate();
  collectGarbage();
  expect(addresses.at(address, 16n)).toHaveLength(16);
  expect(addresses.remove(address)).toBe(true);
  expect(addresses.at(address, 16n)).toBeUndefined();
  expect(addresses.remove(address)).toBe(false);
});
