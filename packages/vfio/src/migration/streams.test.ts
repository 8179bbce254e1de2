import { NO_POSITION, ResumingStream, SavingStream } from '@mediated/vfio';
import { MIG_GET_PRECOPY_INFO, PRECOPY_INFO_BYTES, precopyInfo } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const code = (name: string) => expect.objectContaining({ code: name });
const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, at) => first + at);

function read(stream: SavingStream, length: number): number[] {
  const into = new Uint8Array(length).fill(0xee);
  return [...into.subarray(0, stream.read(NO_POSITION, into))];
}

function infoOf(stream: SavingStream): [initial: bigint, dirty: bigint] {
  const argument = precopyInfo.bytes({ argsz: PRECOPY_INFO_BYTES, flags: 9 });
  stream.ioctl(MIG_GET_PRECOPY_INFO, argument);
  const { flags, initial_bytes: initial, dirty_bytes: dirty } = precopyInfo.decode(argument);
  expect(flags).toBe(0);
  return [initial, dirty];
}

describe('saving', () => {
  const preCopy = () => new SavingStream({ name: '[test]', isPreCopy: () => true });

  test('bytes come in their order, however they are cut', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 8 });
    fc.assert(
      fc.property(
        pieces,
        fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 80, maxLength: 80 }),
        (parts, lengths) => {
          const stream = new SavingStream({ name: '[test]', isPreCopy: () => false });
          for (const part of parts) stream.append(part);
          const got: number[] = [];
          for (const length of lengths) got.push(...read(stream, length));
          expect(got).toEqual(parts.flatMap((part) => [...part]));
          expect([stream.left, read(stream, 5)]).toEqual([0, []]);
        },
      ),
    );
  });

  test('in pre-copy nothing left is ENOMSG, or the end where the driver says so; in STOP_COPY it is the end', () => {
    let copying = true;
    const stream = new SavingStream({ name: '[test]', isPreCopy: () => copying });
    stream.append(bytes(2));
    expect(read(stream, 5)).toEqual([0, 1]);
    expect(() => read(stream, 1)).toThrow(code('ENOMSG'));
    expect(read(stream, 0)).toEqual([]);
    copying = false;
    expect(read(stream, 1)).toEqual([]);
    expect(read(new SavingStream({ name: '[test]', isPreCopy: () => true, whenDrained: 'end' }), 1)).toEqual([]);
  });

  test('initial bytes are told first and shrink by reading, dirty bytes begin at 0', () => {
    const stream = preCopy();
    stream.append(bytes(10), true);
    expect(infoOf(stream)).toEqual([10n, 0n]);
    stream.append(bytes(4));
    read(stream, 7);
    expect(infoOf(stream)).toEqual([3n, 4n]);
    read(stream, 5);
    expect(infoOf(stream)).toEqual([0n, 2n]);
  });

  test('PRECOPY_INFO: EFAULT, EINVAL by argsz and out of pre-copy, ENODEV at the end; other commands ENOTTY', () => {
    const stream = preCopy();
    for (let length = 0; length < PRECOPY_INFO_BYTES; length++) {
      const argument = precopyInfo.bytes({ argsz: PRECOPY_INFO_BYTES }).slice(0, length);
      expect(() => stream.ioctl(MIG_GET_PRECOPY_INFO, argument)).toThrow(code('EFAULT'));
      const short = precopyInfo.bytes({ argsz: length });
      expect(() => stream.ioctl(MIG_GET_PRECOPY_INFO, short)).toThrow(code('EINVAL'));
    }
    const stopped = new SavingStream({ name: '[test]', isPreCopy: () => false });
    expect(() => infoOf(stopped)).toThrow(code('EINVAL'));
    expect(() => stream.ioctl(1, new Uint8Array(24))).toThrow(code('ENOTTY'));
    stream.end();
    expect(() => infoOf(stream)).toThrow(code('ENODEV'));
  });

  test('vfio-core 23.25: when the session is over, reads fail; appending then does nothing', () => {
    const stream = preCopy();
    stream.append(bytes(3));
    stream.end();
    stream.append(bytes(3));
    expect(() => read(stream, 1)).toThrow(code('ENODEV'));
    expect(stream.left).toBe(0);
  });

  test('a stream has no positions and is not written', () => {
    const stream = preCopy();
    expect(() => stream.read(0, new Uint8Array(1))).toThrow(code('ESPIPE'));
    expect(() => stream.write()).toThrow(code('EBADF'));
  });
});

describe('resuming', () => {
  test('bytes are kept in their order up to the capacity; beyond it a write is ENOMEM and takes nothing', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 });
    fc.assert(
      fc.property(pieces, fc.nat(60), (parts, capacity) => {
        const stream = new ResumingStream({ name: '[test]', capacity });
        const kept: number[] = [];
        for (const part of parts) {
          if (kept.length + part.length > capacity) {
            expect(() => stream.write(NO_POSITION, part)).toThrow(code('ENOMEM'));
          } else {
            expect(stream.write(NO_POSITION, part)).toBe(part.length);
            kept.push(...part);
          }
          expect([...stream.bytes]).toEqual(kept);
        }
      }),
    );
  });

  test('a driver that refuses what has come fails the write, but the bytes stay', () => {
    const seen: [number, number][] = [];
    const stream = new ResumingStream({
      name: '[test]',
      capacity: 8,
      received(all, before) {
        seen.push([before, all.length]);
        if (all[0] !== 0) throw new RangeError('not this');
      },
    });
    expect(() => stream.write(NO_POSITION, bytes(3, 7))).toThrow('not this');
    expect(() => stream.write(NO_POSITION, bytes(1))).toThrow('not this');
    expect([seen, [...stream.bytes]]).toEqual([
      [
        [0, 3],
        [3, 4],
      ],
      [7, 8, 9, 0],
    ]);
  });

  test('vfio-core 23.25: when the session is over, writes fail', () => {
    const stream = new ResumingStream({ name: '[test]', capacity: 8 });
    stream.write(NO_POSITION, bytes(3));
    stream.end();
    expect(() => stream.write(NO_POSITION, bytes(3))).toThrow(code('ENODEV'));
    expect(stream.bytes.length).toBe(0);
  });

  test('a stream has no positions, is not read, and has no commands', () => {
    const stream = new ResumingStream({ name: '[test]', capacity: 8 });
    expect(() => stream.write(0, bytes(1))).toThrow(code('ESPIPE'));
    expect(() => stream.read()).toThrow(code('EBADF'));
    expect(() => stream.ioctl(MIG_GET_PRECOPY_INFO)).toThrow(code('ENOTTY'));
  });
});
