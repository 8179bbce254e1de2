/** Long channel programs are planned by a workqueue, to the same end as short ones on the spot. */
import { afterAll, expect, test } from 'vitest';
import { ChannelProgram } from '#dist/ccw/channel-program.js';
import { dmaUnmap } from '#dist/ccw/life.js';
import { LongPrograms } from '#dist/ccw/long-programs.js';
import { type PlanRequest, planProgram } from '#dist/ccw/plan.js';
import { CC, Guest, IDA, orb } from '../../dist-fixtures/ccw/guest.fixture.js';
import { PROGRAM, Rig } from '../../dist-fixtures/ccw/rig.fixture.js';

const longPrograms = new LongPrograms();
afterAll(() => longPrograms.close());

/** A program of reads of 16 pages each: one segment, then others by TICs. */
function fill(guest: Guest, segments: number, ccws: number): void {
  guest.list(
    0xf000,
    Array.from({ length: 16 }, (_, word) => 0x80000 + word * 0x2000),
    64,
  );
  for (let segment = 0; segment < segments; segment++) {
    const at = PROGRAM + segment * 0x800;
    const last = segment === segments - 1 ? { command: 0x03 } : { command: 0x08, address: at + 0x800 };
    const read = (index: number) =>
      index % 2 === 0
        ? { command: 0x06, flags: CC, count: 65535, address: 0x40000 + index * 8 }
        : { command: 0x06, flags: CC | IDA, count: 65535, address: 0xf000 };
    guest.program(at, [...Array.from({ length: ccws - 1 }, (_, index) => read(index)), last]);
  }
}

/** All that the channel can see of a translation. */
function image(program: ChannelProgram): Buffer {
  const pages: Uint8Array[] = [];
  for (let address = 0x10000; program.storage.at(address, 1) !== undefined; address += 4096) {
    pages.push(program.storage.at(address, 4096) as Uint8Array);
  }
  return Buffer.concat(pages);
}

test('a short program is planned on the spot, a long one by another thread', () => {
  const asked: (PlanRequest | undefined)[] = [];
  const guest = new Guest();
  for (const ccws of [32, 100]) {
    const program = new ChannelProgram(guest, () => {});
    fill(guest, 1, ccws);
    program.init(orb(PROGRAM));
    const prefetching = program.prefetch((request) => {
      const plan = longPrograms.plan(request);
      asked.push(plan instanceof Promise ? request : undefined);
      return planProgram(request);
    });
    expect(prefetching).toBeUndefined();
    program.free();
  }
  expect(asked.map((request) => request?.segments[0].ccws.length)).toEqual([undefined, 800]);
});

test('the translation is the same', async () => {
  const guest = new Guest();
  fill(guest, 8, 64);
  const [here, there] = [new ChannelProgram(guest, () => {}), new ChannelProgram(guest, () => {})];
  here.init(orb(PROGRAM));
  here.prefetch(planProgram);
  const pins = guest.pinned;
  there.init(orb(PROGRAM));
  await there.prefetch((request) => longPrograms.plan(request));
  expect(guest.pinned).toBe(2 * pins);
  expect(Buffer.compare(image(here), image(there))).toBe(0);
  here.free();
  there.free();
  expect(guest.pinned).toBe(0);
});

test('ccw 13: a failure in the middle of a long program leaves nothing pinned', async () => {
  const rig = await Rig.in('IDLE');
  rig.planner = (request) => longPrograms.plan(request);
  fill(rig.guest, 8, 64);
  rig.guest.program(PROGRAM + 7 * 0x800 + 30 * 8, [{ command: 0x05, flags: CC, count: 1, address: 0x10 }]);
  expect(await rig.request()).toBe('EINVAL');
  expect([rig.device.state, rig.guest.pinned]).toEqual(['IDLE', 0]);
});

test('ccw 18: what is unmapped while a long program is being pinned ends it', async () => {
  const rig = await Rig.in('IDLE');
  rig.planner = (request) => longPrograms.plan(request);
  fill(rig.guest, 8, 64);
  let resolve = () => {};
  const pinned = new Promise<void>((done) => {
    resolve = done;
  });
  const pin = rig.guest.pin.bind(rig.guest);
  rig.guest.pin = (iova, pages, access) => {
    resolve();
    return pin(iova, pages, access);
  };
  const request = rig.request();
  await pinned;

  await dmaUnmap(rig.device, 0x40000n, 0x1000n);
  expect([rig.guest.pinned, await request, rig.device.state]).toEqual([0, 'EIO', 'IDLE']);
  expect(rig.machine.calls).not.toContain('ssch');
});

test('a request fails when the workqueue is closed under it', async () => {
  const own = new LongPrograms();
  const rig = await Rig.in('IDLE');
  rig.planner = (request) => own.plan(request);
  fill(rig.guest, 8, 64);
  await own.close();
  expect(await rig.request()).toBe('ECANCELED');
  expect([rig.device.state, rig.guest.pinned]).toEqual(['IDLE', 0]);
});
