/** The command portal of a region: 64 bytes, header last, and how long a program waits. */
import type { Clock } from '@mediated/vfio';
import { MC_STATUS, type McModel, mcHeader, mcStatus, withMcStatus } from '@mediated/vfio/fsl-mc';
import { CommandPortal } from '#dist/fsl-mc/command-portal.js';
import { MmioRegion } from '#dist/platform/mmio-region.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Time that passes when it is told to. */
class HandClock implements Clock {
  now = 0;
  readonly #due = new Set<{ readonly at: number; readonly callback: () => void }>();

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.now + milliseconds, callback };
    this.#due.add(timer);
    return () => void this.#due.delete(timer);
  }

  get waiting(): number {
    return this.#due.size;
  }

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = [...this.#due].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#due.delete(next);
      this.now = next.at;
      next.callback();
    }
    this.now = end;
  }
}

function rig(model: McModel = {}, size = 4096) {
  const clock = new HandClock();
  const region = new MmioRegion(0, size, 7);
  const portal = new CommandPortal(region, model, clock);
  const words = () => new BigUint64Array(region.memory, 0, 8);
  const read = () => {
    const into = new Uint8Array(64);
    portal.read(0, into);
    return new BigUint64Array(into.buffer);
  };
  return { clock, portal, words, read };
}

function command(...words: bigint[]): Uint8Array {
  const all = new BigUint64Array(8);
  all.set(words);
  return new Uint8Array(all.buffer);
}

test('platform-fsl 17: anything but 64 bytes at offset 0 is EINVAL and changes nothing', () => {
  const { portal, words } = rig();
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(0, 63, 65, 64), fc.nat(200)),
      fc.oneof(fc.constantFrom(0, 1, 8, 64), fc.nat(5000)),
      (length, offset) => {
        fc.pre(length !== 64 || offset !== 0);
        const refused = expect.objectContaining({ code: 'EINVAL' });
        expect(() => portal.read(offset, new Uint8Array(length))).toThrow(refused);
        expect(() => portal.write(offset, new Uint8Array(length).fill(1))).toThrow(refused);
        expect(words().every((word) => word === 0n)).toBe(true);
      },
    ),
  );
  expect(() => rig({}, 32).portal.read(0, new Uint8Array(64))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('platform-fsl 17: what is written is in the region when the MC sees the header', () => {
  let seen: bigint[] = [];
  const { portal, words, read } = rig({
    command(_region, asked) {
      seen = [...words()];
      expect([...asked]).toEqual(seen);
      return asked.map((word, place) => (place === 0 ? withMcStatus(word, MC_STATUS.noPrivilege) : word * 2n));
    },
  });
  const header = mcHeader(0x123, 7);
  expect(portal.write(0, command(header, 1n, 2n, 3n, 4n, 5n, 6n, 7n))).toBe(64);
  expect(seen).toEqual([header, 1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  // An error of the MC is for the reader to see.
  expect([...read()]).toEqual([mcHeader(0x123, 7, MC_STATUS.noPrivilege), 2n, 4n, 6n, 8n, 10n, 12n, 14n]);
});

test('platform-fsl 17: READY for 5 s is ETIMEDOUT, and not before', async () => {
  const { clock, portal, words } = rig({ command: () => undefined });
  let result: unknown;
  const written = Promise.resolve(portal.write(0, command(mcHeader(1)))).catch((error: unknown) => {
    result = error;
  });
  clock.advance(4999.5);
  await Promise.resolve();
  expect([result, mcStatus(words()[0] as bigint)]).toEqual([undefined, MC_STATUS.ready]);
  clock.advance(0.5);
  await written;
  expect(result).toMatchObject({ code: 'ETIMEDOUT' });
  expect(clock.waiting).toBe(0);
});

test('an answer that the MC writes to memory is seen at the next look, half a millisecond later at most', async () => {
  const { clock, portal, words } = rig({ command: () => undefined });
  const written = portal.write(0, command(mcHeader(1)));
  clock.advance(10.25);
  Atomics.store(words(), 0, mcHeader(1, 0, MC_STATUS.ok));
  clock.advance(0.25);
  expect(await written).toBe(64);
  expect([clock.now, clock.waiting]).toEqual([10.5, 0]);
});

test('an answer that a model promises is seen at once; what it throws reaches the writer', async () => {
  let answer: (words: BigUint64Array) => void = () => {};
  const model = { command: () => new Promise<BigUint64Array>((resolve) => (answer = resolve)) };
  const { clock, portal, read } = rig(model);
  const written = portal.write(0, command(mcHeader(1)));
  answer(BigUint64Array.of(mcHeader(1, 0, MC_STATUS.ok), 9n));
  expect(await written).toBe(64);
  expect([read()[1], clock.waiting]).toEqual([9n, 0]);
  const failing = rig({ command: () => Promise.reject(new Error('burnt')) });
  await expect(failing.portal.write(0, command(mcHeader(1)))).rejects.toThrow('burnt');
  expect(failing.clock.waiting).toBe(0);
});

test('two writers take turns, and an answer that comes too late is nobody’s', async () => {
  const answers: ((words: BigUint64Array) => void)[] = [];
  const { clock, portal, read } = rig({
    command: () => new Promise<BigUint64Array>((resolve) => void answers.push(resolve)),
  });
  const first = Promise.resolve(portal.write(0, command(mcHeader(1), 1n)));
  const second = Promise.resolve(portal.write(0, command(mcHeader(2), 2n)));
  first.catch(() => {});
  expect([answers.length, read()[1]]).toEqual([1, 1n]);
  clock.advance(5000);
  await expect(first).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  // The second one begins when the first is through.
  await new Promise((resolve) => setImmediate(resolve));
  expect([answers.length, read()[1]]).toEqual([2, 2n]);
  answers[0]?.(BigUint64Array.of(mcHeader(1, 0, MC_STATUS.ok), 11n));
  await new Promise((resolve) => setImmediate(resolve));
  expect(read()[1]).toBe(2n);
  answers[1]?.(BigUint64Array.of(mcHeader(2, 0, MC_STATUS.busy), 22n));
  expect(await second).toBe(64);
  expect([...read().subarray(0, 2)]).toEqual([mcHeader(2, 0, MC_STATUS.busy), 22n]);
});

test('a command that nobody knows is answered as unsupported; one that is not READY is not waited for', () => {
  const { portal, read, clock } = rig();
  expect(portal.write(0, command(mcHeader(0x77)))).toBe(64);
  expect(read()[0]).toBe(mcHeader(0x77, 0, MC_STATUS.unsupported));
  const silent = rig({ command: () => undefined });
  expect(silent.portal.write(0, command(mcHeader(1, 0, MC_STATUS.ok)))).toBe(64);
  expect([clock.waiting, silent.clock.waiting]).toEqual([0, 0]);
});
