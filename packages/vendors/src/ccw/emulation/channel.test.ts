/** The emulated subchannel and its disk: instructions, channel programs and what their interrupts say. */
import { describe, expect, test } from 'vitest';
import { ACTIVITY, IRB_BYTES, type ORB, SCHIB, SCSW, STATUS } from '#dist/ccw/architected.js';
import { ChannelProgram } from '#dist/ccw/channel-program.js';
import { Disk, diskBytes, RECORD_BYTES } from '#dist/ccw/emulation/disk.js';
import { EmulatedSubchannel } from '#dist/ccw/emulation/machine.js';
import { planProgram } from '#dist/ccw/plan.js';
import { CC, type CcwValues, DC, Guest, IDA, orb, SKIP, SLI } from '../../../dist-fixtures/ccw/guest.fixture.js';

const AT = 0x10000;
const DATA = 0x40000;
const [SEEK, SEARCH, TIC, READ, WRITE, NOP, SENSE, SENSE_ID] = [0x07, 0x31, 0x08, 0x06, 0x05, 0x03, 0x04, 0xe4];
const GEOMETRY = { cylinders: 2, heads: 2 };

/** A disk behind a subchannel; turns of the event loop are the test's. */
class Bench {
  readonly guest = new Guest();
  readonly bytes = new Uint8Array(diskBytes(GEOMETRY));
  readonly turns: (() => void)[] = [];
  readonly machine = new EmulatedSubchannel(
    { deviceNumber: 0x313, paths: [0x40, 0x41], qdio: false },
    new Disk(this.bytes, GEOMETRY),
    (run) => this.turns.push(run),
  );
  readonly program = new ChannelProgram(this.guest, () => {});
  /** Interrupts that came, as they were tested. */
  readonly interrupts: Uint8Array[] = [];

  constructor() {
    const schib = new Uint8Array(SCHIB.size);
    this.machine.stsch(schib);
    SCHIB.set(schib, 'enabled', 1);
    this.machine.msch(schib);
    this.machine.interrupt = () => {
      const irb = new Uint8Array(IRB_BYTES);
      if (this.machine.tsch(irb) === 0) this.interrupts.push(irb);
    };
  }

  start(ccws: readonly CcwValues[], values: Parameters<typeof ORB.bytes>[0] = {}): number {
    this.guest.program(AT, ccws);
    this.program.free();
    this.program.init(orb(AT, values));
    this.program.prefetch(planProgram);
    const given = this.program.channelOrb(1, 0xc0);
    return this.machine.ssch(given ?? new Uint8Array(12), this.program.storage);
  }

  /** Runs turns until there are none, at most so many. */
  settle(most = 1000): void {
    for (let turn = this.turns.shift(); turn !== undefined && most > 0; turn = this.turns.shift(), most--) turn();
  }

  /** Runs a program to its end and tells what its last interrupt says; its address counts CCWs. */
  run(ccws: readonly CcwValues[], values: Parameters<typeof ORB.bytes>[0] = {}) {
    this.interrupts.length = 0;
    expect(this.start(ccws, values)).toBe(0);
    this.settle();
    const scsw = this.interrupts.at(-1) ?? new Uint8Array(12);
    this.program.translateBack(scsw);
    return {
      device: SCSW.get(scsw, 'deviceStatus'),
      channel: SCSW.get(scsw, 'subchannelStatus'),
      ccws: (SCSW.get(scsw, 'address') - AT) / 8,
      left: SCSW.get(scsw, 'count'),
    };
  }

  put(at: number, bytes: readonly number[]): number {
    this.guest.bytes.set(bytes, at);
    return at;
  }

  /** CCWs that find a record: seek, search, and back until it passes. */
  find(cylinder: number, head: number, record: number): CcwValues[] {
    const seek = this.put(DATA - 32, [0, 0, 0, cylinder, 0, head]);
    const id = this.put(DATA - 16, [0, cylinder, 0, head, record]);
    return [
      { command: SEEK, flags: CC, address: seek, count: 6 },
      { command: SEARCH, flags: CC, address: id, count: 5 },
      { command: TIC, address: AT + 8 },
    ];
  }
}

const DONE = { device: 0x0c, channel: 0 };

describe('the disk', () => {
  test('ccw 24: what is written to a record is read back from it, and from the disk', () => {
    const bench = new Bench();
    const text = [...new TextEncoder().encode('channel')];
    bench.put(DATA, text);
    const write = [...bench.find(1, 0, 7), { command: WRITE, flags: SLI, address: DATA, count: text.length }];
    expect(bench.run(write)).toEqual({ ...DONE, ccws: 4, left: 0 });
    const record = bench.bytes.subarray((2 * 12 + 6) * RECORD_BYTES);
    expect([...record.subarray(0, 8)]).toEqual([...text, 0]);
    const read = [...bench.find(1, 0, 7), { command: READ, address: DATA + 0x1000, count: RECORD_BYTES }];
    expect(bench.run(read)).toEqual({ ...DONE, ccws: 4, left: 0 });
    expect([...bench.guest.bytes.subarray(DATA + 0x1000, DATA + 0x1007)]).toEqual(text);
  });

  test('a program that reads on gets the records that follow', () => {
    const bench = new Bench();
    for (let record = 0; record < 12; record++) bench.bytes[record * RECORD_BYTES] = record + 1;
    const reads = [0, 1, 2].map((index) => ({
      command: READ,
      flags: (index < 2 ? CC : 0) | SLI,
      address: DATA + index,
      count: 1,
    }));
    bench.run([...bench.find(0, 0, 11), ...reads]);
    expect([...bench.guest.bytes.subarray(DATA, DATA + 3)]).toEqual([11, 12, 1]);
  });

  test.each([
    ['a command that it has not', [{ command: 0x99 }], [0x80, 0]],
    ['a write without a search', [{ command: WRITE, address: DATA, count: 8 }], [0x80, 0]],
    ['a seek beyond the last cylinder', [{ command: SEEK, address: DATA + 64, count: 6 }], [0x80, 0]],
  ])('%s is a unit check, and sense says why, once', (_, ccws, sense) => {
    const bench = new Bench();
    bench.put(DATA + 64, [0, 0, 0, 2, 0, 0]);
    expect(bench.run(ccws)).toMatchObject({ device: 0x0e });
    const flags = SCSW.get(bench.interrupts[0], 'status');
    expect(flags & STATUS.alert).toBe(STATUS.alert);
    const read = () => {
      expect(bench.run([{ command: SENSE, address: DATA, count: 32 }])).toMatchObject(DONE);
      return [...bench.guest.bytes.subarray(DATA, DATA + 2)];
    };
    expect([read(), read()]).toEqual([sense, [0, 0]]);
  });

  test('a search for a record that is not there ends after two turns of the track', () => {
    const bench = new Bench();
    expect(bench.run([...bench.find(0, 1, 13), { command: READ, address: DATA, count: 8 }])).toMatchObject({
      device: 0x0e,
    });
    bench.run([{ command: SENSE, flags: SLI, address: DATA, count: 2 }]);
    expect([...bench.guest.bytes.subarray(DATA, DATA + 2)]).toEqual([0, 8]);
  });

  test('it says what it is', () => {
    const bench = new Bench();
    bench.run([{ command: SENSE_ID, address: DATA, count: 7 }]);
    expect([...bench.guest.bytes.subarray(DATA, DATA + 7)]).toEqual([0xff, 0x39, 0x90, 0xc2, 0x33, 0x90, 0x0a]);
  });
});

describe('the channel', () => {
  test('a length that is wrong is told, unless that is suppressed', () => {
    const bench = new Bench();
    const sense = { command: SENSE, address: DATA };
    expect(bench.run([{ ...sense, count: 40 }])).toEqual({ device: 0x0c, channel: 0x40, ccws: 1, left: 8 });
    expect(bench.run([{ ...sense, count: 40, flags: SLI }])).toEqual({ ...DONE, ccws: 1, left: 8 });
    expect(bench.run([{ ...sense, count: 8 }])).toEqual({ device: 0x0c, channel: 0x40, ccws: 1, left: 0 });
    expect(bench.run([{ ...sense, count: 40, flags: CC }, { command: NOP }])).toMatchObject({ channel: 0x40, ccws: 1 });
    expect(bench.run([{ ...sense, count: 40, flags: CC | SLI }, { command: NOP }])).toEqual({
      ...DONE,
      ccws: 2,
      left: 0,
    });
  });

  test.each([
    ['4 KiB', {}, 64],
    ['2 KiB', { i2k: 1 }, 64],
    ['2 KiB, 31-bit words', { c64: 0 }, 32],
  ] as const)('data crosses pages and chains of CCWs in blocks of %s', (_, values, bits) => {
    const bench = new Bench();
    const pattern = Array.from({ length: RECORD_BYTES }, (__, index) => (index * 7) % 251);
    bench.put(DATA + 0x7fd, pattern);
    const first = { flags: DC, address: DATA + 0x7fd, count: 3000 };
    const second = { command: 0, address: DATA + 0x7fd + 3000, count: RECORD_BYTES - 3000 };
    expect(bench.run([...bench.find(0, 0, 1), { command: WRITE, ...first }, second], values)).toMatchObject(DONE);
    expect([...bench.bytes.subarray(0, RECORD_BYTES)]).toEqual(pattern);
    bench.guest.list(0x30000, [DATA + 0x9ffe, DATA + 0xc000, DATA + 0xb000, DATA + 0xe000], bits);
    const list = { command: READ, flags: IDA, address: 0x30000, count: RECORD_BYTES };
    expect(bench.run([...bench.find(0, 0, 1), list], values)).toMatchObject(DONE);
    expect([...bench.guest.bytes.subarray(DATA + 0x9ffe, DATA + 0xa000)]).toEqual(pattern.slice(0, 2));
    expect([...bench.guest.bytes.subarray(DATA + 0xc000, DATA + 0xc100)]).toEqual(pattern.slice(2, 0x102));
  });

  test('skipped bytes do not reach the guest', () => {
    const bench = new Bench();
    bench.put(DATA, [1, 2, 3, 4, 5, 6, 7]);
    const chain = [
      { command: SENSE_ID, flags: DC | SKIP, address: DATA, count: 3 },
      { command: SENSE_ID, address: DATA + 3, count: 4 },
    ];
    expect(bench.run(chain)).toMatchObject(DONE);
    expect([...bench.guest.bytes.subarray(DATA, DATA + 7)]).toEqual([1, 2, 3, 0xc2, 0x33, 0x90, 0x0a]);
  });

  test.each([
    ['a command with four zero bits', [{ command: 0x10 }]],
    [
      'two transfers in a row',
      [
        { command: NOP, flags: CC },
        { command: TIC, address: AT + 8 },
      ],
    ],
    ['a CCW that suspends', [{ command: NOP, flags: 2 }]],
    [
      'a transfer between two CCWs',
      [
        { command: NOP, flags: CC },
        { command: TIC, address: AT + 4 },
      ],
    ],
  ])('%s is a program check', (_, ccws) => {
    expect(new Bench().run(ccws)).toMatchObject({ channel: 0x20 });
  });

  test('a list whose later words are not at a block is a program check', () => {
    const bench = new Bench();
    bench.guest.list(0x30000, [DATA, DATA + 0x1004], 64);
    bench.bytes.fill(1);
    const list = { command: READ, flags: IDA | SLI, address: 0x30000, count: RECORD_BYTES + 10 };
    expect(bench.run([list])).toMatchObject(DONE);
    bench.guest.list(0x30000, [DATA + 0x800, DATA + 0x1004], 64);
    expect(bench.run([list])).toMatchObject({ channel: 0x20 });
  });

  test('a program-controlled interruption comes in between', () => {
    const bench = new Bench();
    expect(bench.run([{ command: NOP, flags: CC | 8 }, { command: NOP }])).toMatchObject(DONE);
    const [first, last] = bench.interrupts.map((irb) => [
      SCSW.get(irb, 'status'),
      SCSW.get(irb, 'activity'),
      SCSW.get(irb, 'subchannelStatus'),
    ]);
    expect([first, last]).toEqual([
      [STATUS.intermediate | STATUS.pending, ACTIVITY.subchannelActive | ACTIVITY.deviceActive, 0x80],
      [STATUS.primary | STATUS.secondary | STATUS.pending, 0, 0],
    ]);
  });

  test('an endless program runs in turns, and is halted', () => {
    const bench = new Bench();
    bench.start([
      { command: NOP, flags: CC },
      { command: NOP, flags: CC },
      { command: TIC, address: AT },
    ]);
    bench.settle(50);
    expect([bench.interrupts, bench.machine.xsch(), bench.machine.hsch(), bench.machine.hsch()]).toEqual([[], 2, 0, 2]);
    bench.settle();
    expect([bench.interrupts.length, SCSW.get(bench.interrupts[0], 'functions')]).toEqual([1, 6]);
  });
});

describe('instructions', () => {
  const twice = [{ command: NOP, flags: CC }, { command: NOP }];

  test('a second start is busy; a start that has not begun can be cancelled', () => {
    const bench = new Bench();
    expect([bench.start(twice), bench.start(twice), bench.machine.xsch(), bench.machine.xsch()]).toEqual([0, 2, 0, 2]);
    bench.settle();
    expect(bench.interrupts).toEqual([]);
    expect(bench.run(twice)).toMatchObject(DONE);
  });

  test('a clear ends what runs and interrupts', () => {
    const bench = new Bench();
    bench.start(twice);
    expect([bench.machine.hsch(), bench.machine.csch(), bench.machine.hsch()]).toEqual([0, 0, 2]);
    bench.settle();
    expect(bench.interrupts.map((irb) => [SCSW.get(irb, 'functions'), SCSW.get(irb, 'status')])).toEqual([[1, 1]]);
  });

  test('status that is pending is in the way of all but a clear', () => {
    const bench = new Bench();
    bench.machine.interrupt = () => {};
    bench.start(twice);
    bench.settle();
    const schib = new Uint8Array(SCHIB.size);
    bench.machine.stsch(schib);
    expect([bench.start(twice), bench.machine.hsch(), bench.machine.xsch(), bench.machine.msch(schib)]).toEqual([
      1, 1, 1, 1,
    ]);
    expect([bench.machine.csch(), bench.machine.tsch(new Uint8Array(64))]).toEqual([0, 1]);
  });

  test('a path that is offline cannot be taken; without one left, or disabled, or detached: condition code 3', () => {
    const bench = new Bench();
    bench.machine.setPath(0x40, false);
    expect(bench.start(twice, { lpm: 0x80 })).toBe(3);
    expect(bench.run(twice, { lpm: 0xc0 })).toMatchObject(DONE);
    const schib = new Uint8Array(SCHIB.size);
    bench.machine.stsch(schib);
    expect([SCHIB.get(schib, 'lpum'), SCHIB.get(schib, 'pam')]).toEqual([0x40, 0x40]);
    bench.machine.setPath(0x40, true);
    bench.start(twice);
    bench.machine.detach();
    bench.settle();
    expect(bench.interrupts).toHaveLength(1);
    const { machine } = bench;
    expect([
      machine.stsch(schib),
      machine.msch(schib),
      bench.start(twice),
      machine.hsch(),
      machine.csch(),
      machine.xsch(),
      machine.tsch(new Uint8Array(64)),
    ]).toEqual([3, 3, 3, 3, 3, 3, 3]);
  });

  test('attention waits until nothing runs', () => {
    const bench = new Bench();
    bench.start(twice);
    bench.machine.attention();
    bench.settle();
    expect(bench.interrupts.map((irb) => [SCSW.get(irb, 'status'), SCSW.get(irb, 'deviceStatus')])).toEqual([
      [STATUS.primary | STATUS.secondary | STATUS.pending, 0x0c],
      [STATUS.alert | STATUS.pending, 0x80],
    ]);
  });

  test('a program that was freed under the channel ends with a check and touches nothing', () => {
    const bench = new Bench();
    bench.start([...bench.find(0, 0, 1), { command: READ, flags: SLI, address: DATA, count: 8 }]);
    bench.bytes.fill(0xaa);
    bench.program.free();
    bench.settle();
    expect(SCSW.get(bench.interrupts[0], 'subchannelStatus')).toBe(0x20);
    expect(bench.guest.bytes[DATA]).toBe(0);
  });
});
