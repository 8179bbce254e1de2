/** An address space that several threads use: exclusion, and what becomes of it when one dies (`address-space.ts`). */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LockSpace, ThreadTable } from '@mediated/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANSWER, ASK, GATE, PINS, READY, type SpaceJob, STOP } from '../../dist-fixtures/iommu/space-words.fixture.js';
import { codeOf, PAGE, type Stand, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import { AddressSpace } from '#dist/iommu/address-space.js';
import type { Type1 } from '#dist/iommu/type1.js';

let control: Int32Array<SharedArrayBuffer>;
let workers: Worker[];
let stand: Stand<Type1>;

beforeEach(() => {
  control = new Int32Array(new SharedArrayBuffer(64));
  workers = [];
  stand = type1Stand();
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.terminate()));
});

function start(script: SpaceJob['script'], slot: number) {
  const { iommu } = stand;
  const job: SpaceJob = { script, slot, space: iommu.space.handle, segments: iommu.segments.all(), control };
  const worker = new Worker(new URL('../../dist-fixtures/iommu/space-worker.fixture.js', import.meta.url), {
    workerData: job,
  });
  ThreadTable.current().watch(worker);
  workers.push(worker);
  return { worker, answer: once(worker, 'message').then(([message]) => message as unknown) };
}

/** Until a word of the control array is at least `least`. */
async function reaches(word: number, least: number): Promise<void> {
  for (let seen = Atomics.load(control, word); seen < least; seen = Atomics.load(control, word)) {
    const waiting = Atomics.waitAsync(control, word, seen);
    if (waiting.async) await waiting.value;
  }
}

function ready(count: number): Promise<void> {
  return reaches(READY, count);
}

/** Counts a word on and wakes who waits for it. */
function countOn(word: number): number {
  const value = Atomics.add(control, word, 1) + 1;
  Atomics.notify(control, word);
  return value;
}

/** Ends a worker where it stands; on return it is reaped. */
async function kill(worker: Worker): Promise<void> {
  const ended = once(worker, 'exit');
  await worker.terminate();
  await ended;
}

test('two threads pin and read while mappings come and go: nothing is torn, lost or left', async () => {
  const rounds = 100;
  const colours = [1, 2].map((colour) => {
    stand.program.bytes.fill(colour, (colour - 1) * 64 * 4096, colour * 64 * 4096);
    return VADDR + BigInt((colour - 1) * 64) * PAGE;
  });
  const { iommu, program } = stand;
  // Keeps the program's memory in the hands of the threads, who are not told when it comes again.
  stand.map(128, 1);
  stand.onNotice = async () => {
    const asked = countOn(ASK);
    await Promise.all([reaches(ANSWER, asked), reaches(ANSWER + 1, asked)]);
  };
  iommu.addDevice(0);
  iommu.addDevice(1);
  const members = [start('pinAndRead', 0), start('pinAndRead', 1)];
  await ready(2);
  countOn(GATE);
  for (let round = 0; round < rounds; round++) {
    iommu.map(program, { iova: 0n, size: 4n * PAGE, vaddr: colours[round % 2]! });
    const pins = [0, 1].map((slot) => Atomics.load(control, PINS + slot));
    await Promise.all(pins.map((seen, slot) => reaches(PINS + slot, seen + 1)));
    expect(await iommu.unmap({ iova: 0n, size: 4n * PAGE })).toBe(4n * PAGE);
    expect(iommu.space.lockedPages).toBe(0);
    countOn(ASK);
  }
  Atomics.store(control, STOP, 1);
  const answers = await Promise.all(members.map(({ answer }) => answer));
  for (const { count, torn } of answers as { count: Record<string, number>; torn: number }[]) {
    expect(torn).toBe(0);
    expect(Object.keys(count).filter((code) => code !== 'ok' && code !== 'EINVAL')).toEqual([]);
    expect(count.ok).toBeGreaterThanOrEqual(rounds);
  }
  expect(stand.notices).toHaveLength(rounds);
  expect(iommu.space.lockedPages).toBe(0);
  expect(stand.mapped()).toEqual([[128, 1]]);
});

describe('a thread that dies', () => {
  test('what it had pinned is taken back', async () => {
    stand.map(0, 4);
    stand.iommu.addDevice(5);
    const { worker } = start('pinAndStay', 5);
    await ready(1);
    expect(stand.iommu.space.lockedPages).toBe(2);
    await kill(worker);
    stand.iommu.removeDevice(5);
    expect(stand.iommu.space.lockedPages).toBe(0);
    expect(stand.iommu.unmap({ iova: 0n, size: 4n * PAGE })).toBe(4n * PAGE);
  });

  test('in a section, with pins half-way: the next to enter finds chains, sums and free records whole', async () => {
    stand.map(0, 4);
    const device = stand.device(1);
    device.pin(3n * PAGE, 1, 'read');
    stand.iommu.unmap({ iova: 32n * PAGE, size: PAGE });
    device.unpin(3n * PAGE, 1);
    stand.iommu.addDevice(5);
    const { worker } = start('stayInSection', 5);
    await ready(1);
    await kill(worker);
    const { space } = stand.iommu;
    space.within(() => {
      expect([0, 1, 2].map((page) => space.pins.count(page, 5))).toEqual([0, 1, 0]);
      expect(space.pins.inMapping(space.mappings.find(0))).toBe(1);
      expect(space.lockedPages).toBe(1);
    });
    expect(device.pin(0, 4, 'read')).toHaveLength(4);
    device.unpin(0, 4);
    stand.iommu.removeDevice(5);
    expect(space.lockedPages).toBe(0);
    expect(stand.iommu.unmap({ iova: 0n, size: 4n * PAGE })).toBe(4n * PAGE);
  });

  test('in a section, with a mapping half-way: records that were complete are mappings, others are free', async () => {
    stand.map(8, 1);
    stand.map(0, 1);
    const device = stand.device(1);
    const { worker } = start('dieMapping', 5);
    await ready(1);
    await kill(worker);
    device.read(8n * PAGE, new Uint8Array(1));
    expect(stand.mapped()).toEqual([
      [0, 1],
      [2, 1],
      [8, 1],
    ]);
    expect(stand.iommu.info().dmaAvail).toBe(65_532);
    stand.map(4, 1);
    stand.map(5, 1);
    expect(stand.mapped()).toHaveLength(5);
  });
});

test('a handle of something else is EINVAL', () => {
  const { mutex } = stand.iommu.space.handle;
  for (const bytes of [0, 64, 65_536])
    expect(codeOf(() => AddressSpace.from({ buffer: new SharedArrayBuffer(bytes), mutex }))).toBe('EINVAL');
});

test('a section within a section is EDEADLK, and leaves the outer one', () => {
  const { space } = stand.iommu;
  expect(codeOf(() => space.within(() => space.enter()))).toBe('EDEADLK');
  expect(codeOf(() => space.within(() => {}))).toBeUndefined();
});

test('the memory of a space that was freed serves the next of the same size, as if it were new', () => {
  const locks = LockSpace.create();
  const options = { locks, rules: 'type1v2', pins: 64, dirtyPages: 64 } as const;
  const first = AddressSpace.create(options);
  const { buffer } = first.handle;
  const fresh = new Uint8Array(buffer.slice(0));
  new Uint8Array(buffer).subarray(4096).fill(0xff);
  first.free(locks);
  const larger = AddressSpace.create({ ...options, pins: 128 });
  const second = AddressSpace.create(options);
  expect(larger.handle.buffer).not.toBe(buffer);
  expect(second.handle.buffer).toBe(buffer);
  expect(Buffer.compare(new Uint8Array(buffer), fresh)).toBe(0);
  expect(AddressSpace.create(options).handle.buffer).not.toBe(buffer);
});
