/** Channel-program translation (ccw section 5): what is read, pinned and laid out for the channel. */
import { describe, expect, test } from 'vitest';
import { CCW, ORB, SCSW } from '#dist/ccw/architected.js';
import { ChannelProgram } from '#dist/ccw/channel-program.js';
import { planProgram } from '#dist/ccw/plan.js';
import { CC, type CcwValues, DC, Guest, IDA, orb, SKIP, SLI } from '../../dist-fixtures/ccw/guest.fixture.js';

const AT = 0x10000;
const DATA = 0x40000;
const WRITE = 0x05;
const READ = 0x06;
const NOP = 0x03;
const TIC = 0x08;

class Translation {
  readonly guest = new Guest();
  readonly warnings: string[] = [];
  readonly program = new ChannelProgram(this.guest, (message) => this.warnings.push(message));

  /** Translates; gives 'ok' or the errno. As the state machine does, it frees what has failed. */
  run(request = orb(AT)): string {
    try {
      this.program.init(request);
      this.program.prefetch(planProgram);
      return 'ok';
    } catch (error) {
      this.program.free();
      return (error as { code: string }).code;
    }
  }

  one(ccw: CcwValues, request = orb(AT)): string {
    this.guest.program(AT, [ccw]);
    return this.run(request);
  }

  /** The translated CCW `index` of the segment whose translation begins at `host`. */
  translated(index = 0, host = this.start) {
    const bytes = this.program.storage.at(host + index * 8, 8) ?? new Uint8Array(8);
    return {
      command: CCW.get(bytes, 'command'),
      flags: CCW.get(bytes, 'flags'),
      count: CCW.get(bytes, 'count'),
      address: CCW.get(bytes, 'address'),
    };
  }

  get start(): number {
    return ORB.get(this.program.channelOrb(1, 0x80) ?? new Uint8Array(12), 'address');
  }

  /** Words of the list of a translated CCW. */
  words(count: number, index = 0): bigint[] {
    const list = this.translated(index).address;
    return Array.from({ length: count }, (_, word) => {
      const bytes = this.program.storage.at(list + word * 8, 8) ?? new Uint8Array(8);
      return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    });
  }
}

describe('segments', () => {
  test.each([
    [256, 'ok'],
    [257, 'EINVAL'],
  ])('ccw 10: %i chained CCWs: %s', (count, outcome) => {
    const translation = new Translation();
    const ccws = Array.from({ length: count }, (_, i) => ({ command: NOP, flags: i < count - 1 ? CC | SLI : 0 }));
    translation.guest.program(AT, ccws);
    expect(translation.run()).toBe(outcome);
    expect(translation.program.lengths).toEqual(outcome === 'ok' ? [256] : []);
  });

  test.each([
    [16, 'ok'],
    [17, 'EINVAL'],
  ])('ccw 10: %i segments: %s', (count, outcome) => {
    const translation = new Translation();
    for (let segment = 0; segment < count; segment++) {
      const at = AT + segment * 0x1000;
      const next = segment < count - 1 ? { command: TIC, address: at + 0x1000 } : { command: NOP };
      translation.guest.program(at, [{ command: NOP, flags: CC }, next]);
    }
    expect(translation.run()).toBe(outcome);
    expect(translation.program.lengths).toEqual(outcome === 'ok' ? Array(16).fill(2) : []);
  });

  test.each([
    [2048, 'ok'],
    [2040, 'EINVAL'],
  ])('ccw 11: a program with %i bytes up to the end of what is mapped: %s', (left, outcome) => {
    const translation = new Translation();
    const at = translation.guest.bytes.length - left;
    translation.guest.program(at, [{ command: NOP }]);
    expect(translation.run(orb(at))).toBe(outcome);
  });

  test('a program in memory that is not readable is EPERM', () => {
    const translation = new Translation();
    translation.guest.map(AT, 0x1000, { readable: false });
    expect(translation.run()).toBe('EPERM');
  });

  test('ccw 12: a TIC back into its segment is legal and makes no segment', () => {
    const translation = new Translation();
    translation.guest.program(AT, [
      { command: 0x07, flags: CC, address: DATA, count: 6 },
      { command: 0x31, flags: CC, address: DATA + 8, count: 5 },
      { command: TIC, address: AT + 8 },
      { command: READ, address: DATA + 0x1000, count: 4096 },
    ]);
    expect(translation.run()).toBe('ok');
    expect(translation.program.lengths).toEqual([4]);
    expect(translation.translated(2)).toMatchObject({ command: TIC, address: translation.start + 8 });
    expect(translation.translated(3).command).toBe(READ);
  });

  test('a TIC to itself is within its segment, one to the next CCW begins another', () => {
    const translation = new Translation();
    translation.guest.program(AT, [
      { command: TIC, address: AT },
      { command: TIC, address: AT + 16 },
      { command: NOP },
    ]);
    expect(translation.run()).toBe('ok');
    expect(translation.program.lengths).toEqual([2, 1]);
  });

  test('a TIC into another segment makes none, and leads there', () => {
    const translation = new Translation();
    translation.guest.program(AT, [
      { command: NOP, flags: CC },
      { command: TIC, address: AT + 0x1000 },
    ]);
    translation.guest.program(AT + 0x1000, [
      { command: NOP, flags: CC },
      { command: TIC, address: AT + 8 },
    ]);
    expect(translation.run()).toBe('ok');
    expect(translation.program.lengths).toEqual([2, 2]);
    const second = translation.translated(1).address;
    expect(translation.translated(1, second).address).toBe(translation.start + 8);
  });

  test('ccw 12: a TIC to what is not mapped fails with the errno of reading there', () => {
    const translation = new Translation();
    translation.guest.program(AT, [
      { command: NOP, flags: CC },
      { command: TIC, address: 0x10 },
    ]);
    expect(translation.run()).toBe('EINVAL');
    translation.guest.map(0x80000, 0x1000, { readable: false });
    translation.guest.program(AT + 8, [{ command: TIC, address: 0x80000 }]);
    expect(() => translation.program.init(orb(AT))).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect([translation.program.initialized, translation.program.lengths]).toEqual([false, []]);
  });

  test('format-0 CCWs become format-1; a TIC is one by four bits of its command', () => {
    const translation = new Translation();
    translation.guest.program(
      AT,
      [
        { command: WRITE, flags: CC | SLI, address: DATA, count: 100 },
        { command: 0xf8, flags: 0xff, address: AT + 0x1000, count: 77 },
      ],
      0,
    );
    translation.guest.program(AT + 0x1000, [{ command: NOP }], 0);
    expect(translation.run(orb(AT, { format: 0 }))).toBe('ok');
    expect(translation.program.lengths).toEqual([2, 1]);
    expect(translation.translated(0)).toMatchObject({ command: WRITE, flags: CC | SLI | IDA, count: 100 });
    expect(translation.translated(1)).toMatchObject({ command: TIC, flags: 0, count: 0 });
  });

  test('a second program is EBUSY; one without the prefetch bit is warned about and prefetched', () => {
    const translation = new Translation();
    expect(translation.one({ command: NOP }, orb(AT, { prefetch: 0 }))).toBe('ok');
    expect(translation.warnings).toHaveLength(1);
    expect(() => translation.program.init(orb(AT))).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(translation.program.initialized).toBe(true);
  });
});

describe('data', () => {
  test.each([
    ['count 0', { command: WRITE, count: 0, address: 0x10 }],
    ['no-operation', { command: NOP, count: 10, address: 0x10 }],
    ['a skipping read', { command: READ, count: 10, flags: SKIP, address: 0x10 }],
    ['a skipping read backward', { command: 0x1c, count: 10, flags: SKIP, address: 0x10 }],
    ['a skipping sense', { command: 0xe4, count: 10, flags: SKIP, address: 0x10 }],
  ])('ccw 16: %s pins nothing, so an unmapped address is harmless', (_, ccw) => {
    const translation = new Translation();
    expect(translation.one(ccw)).toBe('ok');
    expect([translation.guest.pinCalls, translation.words(1)]).toEqual([[], [0x10n]]);
    expect(translation.translated().flags & IDA).toBe(IDA);
  });

  test('ccw 16: a skipping write pins', () => {
    const translation = new Translation();
    expect(translation.one({ command: WRITE, count: 10, flags: SKIP, address: DATA })).toBe('ok');
    expect(translation.guest.pinned).toBe(1);
  });

  test('what moves no data but has a list must have one that can be read', () => {
    expect(new Translation().one({ command: NOP, count: 10, flags: IDA, address: 0x10 })).toBe('EINVAL');
  });

  test.each([
    [
      4095,
      17,
      [
        [DATA, 1],
        [DATA + 0x1000, 16],
      ],
    ],
    [0, 16, [[DATA, 16]]],
  ])('ccw 17: 65535 bytes at offset %i have %i words of 4 KiB', (offset, words, calls) => {
    const translation = new Translation();
    expect(translation.one({ command: WRITE, count: 65535, address: DATA + offset })).toBe('ok');
    expect([translation.guest.pinned, translation.guest.pinCalls]).toEqual([words, calls]);
    const list = translation.words(words);
    expect(list[0] % 4096n).toBe(BigInt(offset));
    expect(list.slice(1).every((word) => word % 4096n === 0n)).toBe(true);
  });

  test('ccw 17: 65535 bytes at offset 2047 have 33 words of 2 KiB, each pinned by itself', () => {
    const translation = new Translation();
    const request = orb(AT, { i2k: 1 });
    expect(translation.one({ command: WRITE, count: 65535, address: DATA + 2047 }, request)).toBe('ok');
    expect([translation.guest.pinned, translation.guest.pinCalls.length]).toEqual([33, 33]);
    expect(translation.guest.pins.get(DATA / 4096)).toBe(2);
    translation.program.free();
    expect(translation.guest.pinned).toBe(0);
  });

  test.each([
    ['64-bit words of 4 KiB', 64, {}, 4096, 0],
    ['64-bit words of 2 KiB', 64, { i2k: 1 }, 2048, 1],
    ['31-bit words of 2 KiB', 32, { c64: 0 }, 2048, 1],
    ['31-bit words of 2 KiB, the bit for 2 KiB set', 32, { c64: 0, i2k: 1 }, 2048, 1],
  ] as const)('a list of %s becomes one of 64-bit words', (_, bits, values, block, i2k) => {
    const translation = new Translation();
    const words = [DATA + 100, DATA + 0x5000, DATA + 0x2000 + (block === 2048 ? 2048 : 0)];
    translation.guest.list(0x30000, words, bits);
    translation.guest.bytes[DATA + 0x5000] = 0x5a;
    const ccw = { command: WRITE, count: 2 * block, flags: IDA, address: 0x30000 };
    expect(translation.one(ccw, orb(AT, values))).toBe('ok');
    const list = translation.words(3);
    expect(list.map((word) => Number(word % 4096n))).toEqual(words.map((word) => word % 4096));
    expect(translation.program.storage.at(Number(list[1]), 1)?.[0]).toBe(0x5a);
    const channelOrb = translation.program.channelOrb(1, 0x80) ?? new Uint8Array(12);
    expect([ORB.get(channelOrb, 'c64'), ORB.get(channelOrb, 'i2k')]).toEqual([1, i2k]);
    expect(translation.guest.pinned).toBe(3);
  });

  test('words of a list that follow each other share a call', () => {
    const translation = new Translation();
    translation.guest.list(0x30000, [DATA, DATA + 0x1000, DATA + 0x2000, DATA + 0x8000], 64);
    expect(translation.one({ command: READ, count: 4 * 4096, flags: IDA, address: 0x30000 })).toBe('ok');
    expect(translation.guest.pinCalls).toEqual([
      [DATA, 3],
      [DATA + 0x8000, 1],
    ]);
  });

  test('a list whose first word changes while it is read is EINVAL', () => {
    const translation = new Translation();
    translation.guest.list(0x30000, [DATA, DATA + 0x1000], 64);
    let reads = 0;
    translation.guest.onRead = (iova) => {
      if (iova === 0x30000 && ++reads === 2) translation.guest.list(0x30000, [DATA + 8], 64);
    };
    expect(translation.one({ command: READ, count: 5000, flags: IDA, address: 0x30000 })).toBe('EINVAL');
    expect(translation.guest.pinned).toBe(0);
  });

  test('pins of fewer pages than asked for are EINVAL, and given back', () => {
    const translation = new Translation();
    const { guest } = translation;
    const pin = guest.pin.bind(guest);
    guest.pin = (iova, pages, access) => pin(iova, Math.min(pages, 2), access);
    expect(translation.one({ command: READ, count: 3 * 4096, address: DATA })).toBe('EINVAL');
    expect(guest.pinned).toBe(0);
  });

  test.each([
    ['unmapped data', 'EINVAL', (guest: Guest) => guest.unmap(DATA + 0x1000, 0x1000)],
    [
      'read-only data, even for output',
      'EPERM',
      (guest: Guest) => guest.map(DATA + 0x1000, 0x1000, { writable: false }),
    ],
  ])('ccw 13: %s is %s, and nothing stays pinned', (_, code, prepare) => {
    const translation = new Translation();
    prepare(translation.guest);
    translation.guest.program(AT, [
      { command: WRITE, flags: CC, count: 4096, address: DATA },
      { command: WRITE, flags: CC, count: 8192, address: DATA + 0x3000 },
      { command: WRITE, count: 100, address: DATA + 0x1000 },
    ]);
    expect(translation.run()).toBe(code);
    expect([translation.guest.pinCalls.length, translation.guest.pinned]).toEqual([3, 0]);
  });

  test('of two failures the first in the program is told: a pin before a list, a list before a pin', () => {
    const translation = new Translation();
    translation.guest.map(DATA, 0x1000, { writable: false });
    const pin = { command: WRITE, count: 8, address: DATA };
    const list = { command: WRITE, count: 8, flags: IDA, address: 0x10 };
    translation.guest.program(AT, [{ ...pin, flags: CC }, list]);
    expect(translation.run()).toBe('EPERM');
    translation.guest.program(AT, [{ ...list, flags: IDA | CC }, pin]);
    expect(translation.run()).toBe('EINVAL');
  });

  test('each CCW of a data chain has its own list', () => {
    const translation = new Translation();
    translation.guest.program(AT, [
      { command: WRITE, flags: DC, count: 10, address: DATA },
      { command: 0, count: 20, address: DATA + 0x1000 },
    ]);
    expect(translation.run()).toBe('ok');
    expect(translation.translated(1).address).toBe(translation.translated(0).address + 8);
    expect(translation.guest.pinned).toBe(2);
  });
});

describe('a translated program', () => {
  test('ccw 24: addresses translate back within a segment and one CCW beyond; others stay', () => {
    const translation = new Translation();
    translation.guest.program(AT, [{ command: NOP, flags: CC }, { command: NOP }]);
    expect(translation.run()).toBe('ok');
    const back = (address: number) => {
      const scsw = SCSW.bytes({ address });
      translation.program.translateBack(scsw);
      return SCSW.get(scsw, 'address');
    };
    const { start } = translation;
    expect([start, start + 8, start + 16, start + 17, start - 1].map(back)).toEqual([
      AT,
      AT + 8,
      AT + 16,
      start + 17,
      start - 1,
    ]);
  });

  test('pinned says whether a range meets a page, by whole pages', () => {
    const translation = new Translation();
    expect(translation.one({ command: WRITE, count: 8192, address: DATA + 0x800 })).toBe('ok');
    const pinned = (iova: number, size: number) => translation.program.pinned(BigInt(iova), BigInt(size));
    expect([
      pinned(DATA - 0x1000, 0x1000),
      pinned(DATA - 0x1000, 0x1001),
      pinned(DATA + 0x2fff, 1),
      pinned(DATA + 0x3000, 0x1000),
      pinned(0, 2 ** 52),
    ]).toEqual([false, true, true, false, true]);
    translation.program.free();
    translation.program.free();
    expect([pinned(0, 2 ** 52), translation.guest.pinned]).toEqual([false, 0]);
  });

  test('paths of the ORB are the guest’s, or the subchannel’s when it names none', () => {
    const translation = new Translation();
    expect(translation.one({ command: NOP }, orb(AT, { lpm: 0x40 }))).toBe('ok');
    expect(ORB.get(translation.program.channelOrb(9, 0xff) ?? new Uint8Array(12), 'lpm')).toBe(0x40);
    translation.program.free();
    expect(translation.program.channelOrb(9, 0xff)).toBeUndefined();
    expect(translation.one({ command: NOP }, orb(AT, { lpm: 0 }))).toBe('ok');
    expect(ORB.get(translation.program.channelOrb(9, 0xf0) ?? new Uint8Array(12), 'lpm')).toBe(0xf0);
  });
});
