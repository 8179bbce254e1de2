/** Interrupt counters, within a thread and between threads, and in place of an eventfd. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InterruptCounter } from '@mediated/vfio';
import { Stage } from '../dist-fixtures/stage.fixture.js';
import { expect, test } from 'vitest';

test('signals add up until they are taken', async () => {
  const counter = InterruptCounter.create();
  expect(counter.take()).toBe(0);
  counter.signal();
  InterruptCounter.from(counter.buffer).signal();
  expect(counter.take()).toBe(2);
  expect(counter.take()).toBe(0);
  counter.signal();
  expect(await counter.wait()).toBe(1);
});

test('a signal of another thread ends a wait', async () => {
  const stage = await Stage.set();
  await using _ = stage;
  const counter = InterruptCounter.create();
  const waiting = counter.wait();
  const { ended } = stage.client({ uuid: '', job: 'signalTwice', buffer: counter.buffer });
  const first = await waiting;
  await ended;
  expect(first + counter.take()).toBe(2);
});

test('a wait may be given up', async () => {
  const counter = InterruptCounter.create();
  await expect(counter.wait({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(() => counter.waitSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
});

test('what stands for a descriptor writes to it and counts nothing, until it is detached', () => {
  const directory = mkdtempSync(join(tmpdir(), 'interrupt-counter-'));
  const path = join(directory, 'written');
  // A file shows what an eventfd would add up.
  const number = openSync(path, 'w');
  const counter = InterruptCounter.ofDescriptor(number);
  counter.signal();
  InterruptCounter.from(counter.buffer).signal();
  expect(new BigUint64Array(new Uint8Array(readFileSync(path)).buffer)).toEqual(BigUint64Array.of(1n, 1n));
  expect(counter.signalled).toBe(false);
  counter.detach();
  InterruptCounter.from(counter.buffer).signal();
  expect([readFileSync(path).length, counter.take()]).toEqual([16, 1]);
  closeSync(number);
  rmSync(directory, { recursive: true });
});
