/** The binary face of the type1 IOMMU: recorded answers, and arguments that are none (spec/vfio-core 9, 16, 21). */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BITMAPS, codeOf, PAGE, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import { type1Ioctl } from '#dist/iommu/type1-ioctl.js';
import { type1Extension } from '#dist/iommu/type1.js';
import {
  bitmap,
  dirtyBitmap,
  dirtyBitmapGet,
  dmaMap,
  dmaUnmap,
  IOMMU_DIRTY_PAGES,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  iommuInfo,
} from '#dist/uapi/iommu.js';

interface Line {
  op: string;
  args?: { note?: string; iova?: number; size?: number; flags?: number; ext?: number };
  ret: number;
  errno?: string;
  out?: { bytes?: string; unmapped?: number };
}

function recording(name: string): Line[] {
  const text = readFileSync(new URL(`../../../../test/oracle/${name}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

function concatenate(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe('as recorded', () => {
  const stand = type1Stand();
  const lines = recording('04-group-mtty-1.jsonl').filter(({ op }) => /^IOMMU_/.test(op));

  /** JSON rounds addresses beyond 2^53; all recorded ones are multiples of 2048. */
  const address = (value: number | undefined) => (BigInt(value ?? 0) / 2048n) * 2048n;

  test.each(lines.map((line, index) => [`${index} ${line.op} ${line.args?.note ?? ''}`, line] as const))(
    '%s',
    (_, line) => {
      const { args = {}, op } = line;
      const note = args.note ?? '';
      const size = args.size === 4097 ? 4097n : address(args.size);
      let argument: Uint8Array;
      let command: number;
      if (op.startsWith('IOMMU_GET_INFO')) {
        const argsz = Number(op.split(' ').at(-1));
        argument = iommuInfo.bytes({ argsz }, Math.max(argsz, 24));
        command = IOMMU_GET_INFO;
      } else if (op === 'IOMMU_MAP_DMA') {
        const vaddr = note === 'unaligned vaddr' ? VADDR + 1n : VADDR;
        const argsz = note === 'argsz small' ? 31 : 32;
        argument = dmaMap.bytes({ argsz, flags: args.flags ?? 0, vaddr, iova: address(args.iova), size });
        command = IOMMU_MAP_DMA;
      } else {
        const argsz = note === 'argsz small' ? 23 : 24;
        argument = dmaUnmap.bytes({ argsz, flags: args.flags ?? 0, iova: address(args.iova), size });
        command = IOMMU_UNMAP_DMA;
      }
      expect(codeOf(() => type1Ioctl(stand.iommu, command, argument, stand.program))).toBe(line.errno);
      if (line.out?.unmapped !== undefined) expect(dmaUnmap.decode(argument).size).toBe(BigInt(line.out.unmapped));
      if (line.out?.bytes !== undefined) expect(Buffer.from(argument).toString('hex')).toBe(line.out.bytes);
    },
  );

  test('there was something to compare', () => {
    expect(lines).toHaveLength(30);
  });

  test('CHECK_EXTENSION without an IOMMU, and with one', () => {
    for (const { op, args, ret } of recording('04-api-container.jsonl')) {
      if (op === 'container(fresh): CHECK_EXTENSION') expect(type1Extension(args?.ext ?? 0)).toBe(ret);
    }
    for (const { op, args, ret } of recording('04-group-mtty-1.jsonl')) {
      if (op === 'container(iommu set): CHECK_EXTENSION') expect(stand.iommu.checkExtension(args?.ext ?? 0)).toBe(ret);
    }
  });
});

describe('GET_INFO', () => {
  test('vfio-core 23.27: with ranges; offsets increase, the last next is 0; too small an argsz says what is needed', () => {
    const { iommu, program } = type1Stand();
    iommu.attachGroup({
      id: 2,
      kind: 'physical',
      pageSizes: 0x1000n,
      aperture: { start: 0n, last: 0xffff_ffffn },
      reserved: [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }],
      coherent: true,
      isolatedInterrupts: true,
      driver: 'vt-d',
    });
    const small = iommuInfo.bytes({ argsz: 119 }, 119);
    type1Ioctl(iommu, IOMMU_GET_INFO, small, program);
    expect(iommuInfo.decode(small)).toMatchObject({ argsz: 120, flags: 3, cap_offset: 0, iova_pgsizes: 0x1000n });
    const argument = iommuInfo.bytes({ argsz: 120 }, 120);
    type1Ioctl(iommu, IOMMU_GET_INFO, argument, program);
    const view = new DataView(argument.buffer);
    const chain: [id: number, offset: number][] = [];
    for (let at = iommuInfo.decode(argument).cap_offset; at !== 0; at = view.getUint32(at + 4, true))
      chain.push([view.getUint16(at, true), at]);
    expect(chain).toEqual([
      [2, 24],
      [3, 56],
      [1, 72],
    ]);
    const ranges = [88, 96, 104, 112].map((at) => view.getBigUint64(at, true));
    expect(ranges).toEqual([0n, 0xfedf_ffffn, 0xfef0_0000n, 0xffff_ffffn]);
  });

  test('argsz from 16 on gets so many bytes; more announced than passed is EFAULT', () => {
    const { iommu, program } = type1Stand();
    const argument = iommuInfo.bytes({ argsz: 16 }, 16);
    expect(type1Ioctl(iommu, IOMMU_GET_INFO, argument, program)).toBe(0);
    expect(iommuInfo.decode(argument)).toMatchObject({ argsz: 72, flags: 3 });
    const liar = iommuInfo.bytes({ argsz: 72 }, 24);
    expect(codeOf(() => type1Ioctl(iommu, IOMMU_GET_INFO, liar, program))).toBe('EFAULT');
    expect(iommuInfo.decode(liar).flags).toBe(0);
  });
});

describe('dirty pages', () => {
  const get = (more: { argsz?: number; pgsize?: bigint; size?: bigint; data?: bigint; bytes?: bigint }) =>
    concatenate(
      dirtyBitmap.bytes({ argsz: more.argsz ?? 48, flags: 4 }),
      dirtyBitmapGet.bytes({ iova: 0n, size: more.size ?? 8n * PAGE }),
      bitmap.bytes({ pgsize: more.pgsize ?? PAGE, size: more.bytes ?? 8n, data: more.data ?? BITMAPS }),
    );

  test('start, report into memory of the program, stop', () => {
    const stand = type1Stand();
    const { iommu, program } = stand;
    stand.map(0, 8);
    const device = stand.device(1);
    const call = (argument: Uint8Array) => codeOf(() => type1Ioctl(iommu, IOMMU_DIRTY_PAGES, argument, program));
    expect(call(get({}))).toBe('EINVAL');
    expect(call(dirtyBitmap.bytes({ argsz: 8, flags: 1 }))).toBeUndefined();
    device.write(2n * PAGE, Uint8Array.of(1));
    expect(call(get({ data: 1n }))).toBe('EFAULT');
    expect(call(get({ data: 2n ** 64n - 4n }))).toBe('EINVAL');
    expect(call(get({ argsz: 47 }))).toBe('EINVAL');
    expect(call(get({}).subarray(0, 47))).toBe('EFAULT');
    expect(call(get({ data: BITMAPS + 16n }))).toBeUndefined();
    expect([...program.bitmaps.subarray(15, 18)]).toEqual([0, 4, 0]);
    for (const flags of [0, 3, 5, 6, 7, 8]) expect(call(dirtyBitmap.bytes({ argsz: 8, flags }))).toBe('EINVAL');
    expect(call(dirtyBitmap.bytes({ argsz: 8, flags: 2 }))).toBeUndefined();
    expect(call(get({}))).toBe('EINVAL');
  });

  test('version 1: EACCES before anything is looked at', () => {
    const { iommu, program } = type1Stand({ rules: 'type1v1' });
    expect(codeOf(() => type1Ioctl(iommu, IOMMU_DIRTY_PAGES, new Uint8Array(0), program))).toBe('EACCES');
  });

  test('an unmap with a report: its checks come before those of the range', async () => {
    const stand = type1Stand();
    const { iommu, program } = stand;
    stand.map(0, 8);
    const unmap = (argsz: number, flags: number, size: bigint, target: Parameters<typeof bitmap.bytes>[0]) => {
      const argument = concatenate(dmaUnmap.bytes({ argsz, flags, iova: 0n, size }), bitmap.bytes(target));
      return codeOf(() => type1Ioctl(iommu, IOMMU_UNMAP_DMA, argument, program));
    };
    const target = { pgsize: PAGE, size: 8n, data: BITMAPS };
    expect(unmap(48, 1 | 2, 0n, target)).toBe('EINVAL');
    expect(unmap(48, 1 | 4, 8n * PAGE, target)).toBe('EINVAL');
    expect(unmap(47, 1, 8n * PAGE, target)).toBe('EINVAL');
    expect(unmap(48, 1, 8n * PAGE, { ...target, size: 0n })).toBe('EINVAL');
    expect(unmap(48, 1, 8n * PAGE, target)).toBe('EINVAL');
    iommu.startDirtyTracking();
    expect(unmap(48, 1, 8n * PAGE, { ...target, data: 0n })).toBe('EFAULT');
    expect(stand.mapped()).toHaveLength(1);
    stand.device(1).write(5n * PAGE, Uint8Array.of(1));
    expect(unmap(48, 1, 8n * PAGE, target)).toBeUndefined();
    expect(program.bitmaps[0]).toBe(0x20);
    expect(stand.mapped()).toEqual([]);
  });
});

test('an unmap that waits for devices fills its argument in when it is done', async () => {
  const stand = type1Stand();
  const device = stand.device(1);
  stand.map(0, 2);
  device.pin(0, 1, 'read');
  stand.onNotice = async () => device.unpin(0, 1);
  const argument = dmaUnmap.bytes({ argsz: 24, iova: 0n, size: 16n * PAGE });
  expect(await type1Ioctl(stand.iommu, IOMMU_UNMAP_DMA, argument, stand.program)).toBe(0);
  expect(dmaUnmap.decode(argument).size).toBe(2n * PAGE);
});

test('another command is ENOTTY', () => {
  const { iommu, program } = type1Stand();
  expect(codeOf(() => type1Ioctl(iommu, 0x3b73, new Uint8Array(64), program))).toBe('ENOTTY');
});

describe('bad input changes nothing', () => {
  const structs = [
    [IOMMU_GET_INFO, 16],
    [IOMMU_MAP_DMA, 32],
    [IOMMU_UNMAP_DMA, 24],
    [IOMMU_DIRTY_PAGES, 8],
  ] as const;

  test('cut off at every length: EFAULT', () => {
    const stand = type1Stand();
    for (const [command, least] of structs) {
      for (let length = 0; length < least; length++) {
        const argument = new Uint8Array(length).fill(0xff);
        expect(codeOf(() => type1Ioctl(stand.iommu, command, argument, stand.program))).toBe('EFAULT');
      }
    }
  });

  test('argsz below the least: EINVAL', () => {
    const stand = type1Stand();
    for (const [command, least] of structs) {
      for (let argsz = 0; argsz < least; argsz++) {
        const argument = iommuInfo.bytes({ argsz }, 64);
        expect(codeOf(() => type1Ioctl(stand.iommu, command, argument, stand.program))).toBe('EINVAL');
      }
    }
  });

  test('any bytes: an errno of the interface, and a refused call leaves mappings and argument as they were', () => {
    const codes = ['EINVAL', 'EFAULT', 'EEXIST', 'ENOENT', 'EBUSY', 'ENOTTY'];
    const interesting = [
      0n,
      1n,
      4095n,
      PAGE,
      2n * PAGE,
      2n ** 32n,
      2n ** 52n,
      2n ** 63n,
      2n ** 64n - PAGE,
      2n ** 64n - 1n,
    ];
    const word = fc.oneof(fc.constantFrom(...interesting, VADDR, BITMAPS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    const argument = fc
      .tuple(
        fc.constantFrom(0, 8, 16, 23, 24, 31, 32, 48, 49, 2 ** 32 - 1),
        fc.nat(15),
        fc.array(word, { maxLength: 6 }),
      )
      .map(([argsz, flags, rest]) =>
        concatenate(dirtyBitmap.bytes({ argsz, flags }), new Uint8Array(new BigUint64Array(rest).buffer)),
      );
    const stand = type1Stand();
    stand.map(0, 1);
    fc.assert(
      fc.property(fc.constantFrom(...structs.map(([command]) => command), 0x3b79), argument, (command, bytes) => {
        const before = stand.mapped();
        const given = [...bytes];
        const code = codeOf(() => type1Ioctl(stand.iommu, command, bytes, stand.program));
        if (code === undefined) return;
        expect(codes).toContain(code);
        expect(stand.mapped()).toEqual(before);
        expect([...bytes]).toEqual(given);
      }),
      { numRuns: 2000 },
    );
  });
});
