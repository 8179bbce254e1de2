/** Configuration space as a program sees it: bits, sizes, lists, chunks (spec/pci section 3). */
import fc from 'fast-check';
import { ConfigHardware } from '#dist/pci/config-hardware.js';
import type { ConfigOwner } from '#dist/pci/config-owner.js';
import { ConfigSpace } from '#dist/pci/config-space.js';
import type { FunctionSpec } from '#dist/pci/function-spec.js';
import { BAR0, BAR5_END } from '#dist/pci/registers.js';
import { expect, test } from 'vitest';

const NIC: FunctionSpec = {
  vendor: 0x8086,
  device: 0x10d3,
  classCode: 0x020000,
  bars: [
    { size: 0x20000 },
    null,
    { size: 32, kind: 'io' },
    { size: 0x4000, wide: true, prefetchable: true },
    null,
    null,
  ],
  rom: { size: 0x40000, image: new Uint8Array(16) },
  pm: {},
  msi: { vectors: 4, maskable: true },
  msix: { vectors: 5, bar: 3, offset: 0 },
  express: { flr: true },
  af: { flr: true },
  vpd: Uint8Array.from({ length: 32 }, (_, i) => i),
  vendorCapability: [1, 2, 3, 4, 5],
  extended: [
    { id: 1, bytes: Array(0x28).fill(0) },
    { id: 0x1e, bytes: [9, 9, 9, 9] },
    { id: 3, bytes: [1, 2, 3, 4, 5, 6, 7, 8] },
  ],
};

class Owner implements ConfigOwner {
  readonly spec: FunctionSpec;
  readonly hardware: ConfigHardware;
  readonly virtualFunction: boolean = false;
  readonly realBars: Uint8Array;
  msiActive = false;
  msiMost = 0;
  readonly did: string[] = [];
  readonly #vpd: Uint8Array;

  constructor(spec: FunctionSpec, virtualFunction = false) {
    this.spec = spec;
    this.virtualFunction = virtualFunction;
    this.hardware = new ConfigHardware(spec);
    this.realBars = this.hardware.bytes.slice(BAR0, BAR5_END);
    this.#vpd = (spec.vpd ?? new Uint8Array(0)).slice();
  }

  exclusively(zap: boolean, body: () => void): void {
    this.did.push(zap ? 'zap' : 'lock');
    body();
  }

  intxDisabled(disabled: boolean): void {
    this.did.push(`intx ${disabled ? 'off' : 'on'}`);
  }

  setPowerState(state: number): void {
    this.did.push(`D${state}`);
  }

  resetByProgram(): void {
    this.did.push('reset');
  }

  readVpd(address: number): number | undefined {
    const { buffer, length } = this.#vpd;
    return address + 4 > length ? undefined : new DataView(buffer).getUint32(address, true);
  }

  writeVpd(address: number, value: number): boolean {
    const { buffer, length } = this.#vpd;
    if (address + 4 > length) return false;
    new DataView(buffer).setUint32(address, value, true);
    return true;
  }
}

class Space {
  readonly owner: Owner;
  readonly config: ConfigSpace;

  constructor(spec: FunctionSpec = NIC, virtualFunction = false) {
    this.owner = new Owner(spec, virtualFunction);
    this.config = new ConfigSpace(this.owner);
  }

  read(offset: number, size: number): number {
    const bytes = new Uint8Array(size);
    this.config.read(offset, bytes);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  write(offset: number, size: number, value: number): void {
    const bytes = Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) & 0xff);
    expect(this.config.write(offset, bytes)).toBe(size);
  }

  /** Ids of the list and where they are. */
  list(): Map<number, number> {
    const found = new Map<number, number>();
    for (let at = this.read(0x34, 1); at !== 0; at = this.read(at + 1, 1)) {
      if (found.size > 64) throw new Error('the list does not end');
      found.set(this.read(at, 1), at);
    }
    return found;
  }
}

const sizes = (space: Space) => {
  for (const at of [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24]) space.write(at, 4, 0xffffffff);
  return [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24].map((at) => space.read(at, 4).toString(16));
};

test('pci 13.1: all ones read back as the mask of the size with the type; what is not there reads 0; hw stays', () => {
  const space = new Space();
  const { bytes } = space.owner.hardware;
  const before = bytes.slice(0x10, 0x34);
  expect(space.read(0x10, 4)).toBe(new DataView(before.buffer).getUint32(0, true));
  expect(sizes(space)).toEqual(['fffe0000', '0', 'ffffffe1', 'ffffc00c', 'ffffffff', '0']);
  space.write(0x30, 4, 0xffffffff);
  expect(space.read(0x30, 4)).toBe(0xfffc0001);
  expect(bytes.slice(0x10, 0x34)).toEqual(before);
  // An address that the program has put there stays its own.
  space.write(0x10, 4, 0xfebe0000);
  expect(space.read(0x10, 4)).toBe(0xfebe0000);
  expect(bytes.slice(0x10, 0x34)).toEqual(before);
});

test('pci 13.1: any power of two', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 34 }), fc.boolean(), (log, prefetchable) => {
      const size = 2 ** log;
      const space = new Space({ vendor: 1, device: 1, bars: [{ size, wide: true, prefetchable }] });
      space.write(0x10, 4, 0xffffffff);
      space.write(0x14, 4, 0xffffffff);
      const mask = BigInt(space.read(0x14, 4)) * 2n ** 32n + BigInt.asUintN(32, BigInt(space.read(0x10, 4) & ~0xf));
      expect(BigInt.asUintN(64, mask & ~0xfn)).toBe(BigInt.asUintN(64, ~(BigInt(size) - 1n)));
      expect(space.read(0x10, 4) & 0xf).toBe(4 | (prefetchable ? 8 : 0));
    }),
  );
});

test('pci 13.2: writes to what is read-only change nothing and succeed', () => {
  const space = new Space();
  const list = space.list();
  const msix = list.get(0x11) as number;
  for (const [offset, size] of [
    [0, 4],
    [6, 2],
    [8, 4],
    [0x0e, 1],
    [0x2c, 4],
    [0x34, 1],
    [0x3d, 1],
    [0x3e, 2],
    [msix, 12],
  ]) {
    const before = space.read(offset, Math.min(size, 4));
    space.write(offset, Math.min(size, 4), 0xffffffff);
    expect([offset, space.read(offset, Math.min(size, 4))]).toEqual([offset, before]);
  }
  space.write(msix + 2, 2, 0xc000);
  expect(space.read(msix + 2, 2)).toBe(4);
});

test('pci 13.3: beyond the end EFAULT, earlier chunks have taken effect', () => {
  const space = new Space({ vendor: 1, device: 1 });
  expect(space.config.size).toBe(256);
  expect(() => space.read(256, 1)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  expect(() => space.write(254, 4, 0x04030201)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  expect(space.read(254, 2)).toBe(0x0201);
});

test('pci 13.3: an access of any size and alignment is the concatenation of its pieces', () => {
  const space = new Space();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4095 }), fc.integer({ min: 1, max: 12 }), (offset, length) => {
      const whole = new Uint8Array(Math.min(length, 4096 - offset));
      space.config.read(offset, whole);
      const single = Uint8Array.from(whole, (_, i) => space.read(offset + i, 1));
      expect(whole).toEqual(single);
    }),
  );
  const [one, two] = [new Space(), new Space()];
  one.write(0x3c, 3, 0x123456);
  for (let i = 0; i < 3; i++) two.write(0x3c + i, 1, [0x56, 0x34, 0x12][i]);
  expect(one.read(0x3c, 4)).toBe(two.read(0x3c, 4));
});

test('pci 13.4: the list of what is described ends and hides what is not known', () => {
  const space = new Space({
    ...NIC,
    capabilities: [
      { id: 4, bytes: [0, 0] },
      { id: 0x0d, bytes: [1, 2, 3, 4, 5, 6] },
    ],
  });
  expect([...space.list().keys()]).toEqual([1, 3, 5, 0x10, 0x11, 0x13, 9]);
  expect(space.read(6, 2) & 0x10).toBe(0x10);
  expect(new Space({ vendor: 1, device: 1, capabilities: [{ id: 4, bytes: [0, 0] }] }).read(6, 2) & 0x10).toBe(0);
});

test('pci 13.4: whatever the registers say, the list ends, hides, and leads nowhere but into the space', () => {
  const hidden = [0, 4, 6, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, ...Array.from({ length: 236 }, (_, i) => 0x14 + i)];
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 193, maxLength: 193 }), (noise) => {
      const owner = new Owner({ vendor: 1, device: 1 });
      owner.hardware.bytes.set(noise.subarray(0, 192), 0x40);
      owner.hardware.bytes[0x34] = noise[192];
      owner.hardware.bytes[6] |= 0x10;
      const config = new ConfigSpace(owner);
      const byte = (at: number) => {
        const one = new Uint8Array(1);
        config.read(at, one);
        return one[0];
      };
      const seen = new Set<number>();
      for (let at = byte(0x34); at !== 0; at = byte(at + 1)) {
        expect(at).toBeGreaterThanOrEqual(0x40);
        expect(at).toBeLessThanOrEqual(0xfc);
        expect(hidden).not.toContain(byte(at));
        expect(seen.has(at)).toBe(false);
        seen.add(at);
      }
    }),
  );
});

test('section 3.5: hidden extended capabilities are linked around; a first one stays as a placeholder', () => {
  const space = new Space();
  const walk = () => {
    const found: number[][] = [];
    for (let at = 0x100; at !== 0 && found.length < 10; at = space.read(at, 4) >>> 20) {
      found.push([space.read(at, 2), at]);
    }
    return found;
  };
  expect(walk()).toEqual([
    [1, 0x100],
    [3, 0x134],
  ]);
  const first = new Space({
    ...NIC,
    extended: [
      { id: 0x19, bytes: [1, 2, 3, 4] },
      { id: 3, bytes: Array(8).fill(7) },
    ],
  });
  expect(first.read(0x100, 4)).toBe(0x108 * 2 ** 20);
  expect(first.read(0x108, 2)).toBe(3);
  expect(new Space({ vendor: 1, device: 1, express: {} }).read(0x100, 4)).toBe(0);
  // AER: masks can be written, the rest cannot.
  space.write(0x104, 4, 0xffffffff);
  expect(space.read(0x104, 4)).toBe(0x03fff031);
  space.write(0x100, 4, 0);
  expect(space.read(0x100, 2)).toBe(1);
});

test('section 3.3: command writes lock, zap when memory goes off, shadow memory and I/O, follow DisINTx', () => {
  const own = new Space();
  own.write(4, 2, 0x0003);
  expect([own.owner.did, own.config.memoryEnabled]).toEqual([['lock'], true]);
  own.write(4, 2, 0x0401);
  expect([own.owner.did.splice(0), own.config.memoryEnabled]).toEqual([['lock', 'zap', 'intx off'], false]);
  expect(own.read(4, 2) & 0x400).toBe(0x400);
  expect(own.owner.hardware.read(4, 2) & 0x400).toBe(0);
  own.write(5, 1, 0);
  expect(own.owner.did).toEqual(['intx on']);
});

test('section 3.3: a reset behind our back is found when memory is switched on again', () => {
  const space = new Space();
  const { hardware } = space.owner;
  const bars = hardware.bytes.slice(0x10, 0x28);
  hardware.reset();
  expect(hardware.bytes.slice(0x10, 0x28)).not.toEqual(bars);
  space.write(4, 2, 0x0003);
  expect(hardware.bytes.slice(0x10, 0x28)).toEqual(bars);
});

test('section 3.3: a virtual function has memory always on, and no pin', () => {
  const space = new Space({ ...NIC, pin: 1 }, true);
  expect([space.read(4, 2) & 2, space.read(0x3d, 1), space.config.memoryEnabled]).toEqual([2, 0, true]);
});

test('pci 13.11: MSI enable reads 0 while MSI is not active; no more vectors than last enabled', () => {
  const space = new Space();
  const at = space.list().get(5) as number;
  const flags = space.read(at + 2, 2);
  expect((flags & 0xe) >> 1).toBe(2);
  space.write(at + 2, 2, 0x21);
  expect(space.read(at + 2, 2)).toBe(flags);
  space.owner.msiMost = 1;
  space.owner.msiActive = true;
  space.write(at + 2, 2, 0x21);
  expect(space.read(at + 2, 2) & 0x71).toBe(0x11);
  expect(space.owner.hardware.read(at + 2, 2) & 0x71).toBe(0x11);
  // What the device says of itself is not the program's.
  space.write(at + 2, 2, 0xffff);
  expect(space.read(at + 2, 2) & 0xe).toBe(flags & 0xe);
  space.write(at + 4, 4, 0xfee00000);
  expect([space.read(at + 4, 4), space.owner.hardware.read(at + 4, 4)]).toEqual([0xfee00000, 0]);
});

test('pci 13.15: the FLR bit reads 0; only a function that can is reset', () => {
  const space = new Space();
  const at = space.list().get(0x10) as number;
  space.write(at + 8, 2, 0x8000);
  expect([space.read(at + 8, 2) & 0x8000, space.owner.did]).toEqual([0, ['reset']]);
  const unable = new Space({ ...NIC, express: {} });
  unable.write((unable.list().get(0x10) as number) + 8, 2, 0x8000);
  expect(unable.owner.did).toEqual([]);
  const af = space.list().get(0x13) as number;
  space.write(af + 4, 1, 1);
  expect([space.read(af + 4, 1), space.owner.did]).toEqual([0, ['reset', 'reset']]);
  const alone = new Space({ ...NIC, af: { flr: true, pending: false } });
  alone.write((alone.list().get(0x13) as number) + 4, 1, 1);
  expect(alone.owner.did).toEqual([]);
});

test('section 3.5: payload never reaches hw, the read request does, at least as large as hw payload', () => {
  const space = new Space();
  const at = (space.list().get(0x10) as number) + 8;
  const before = space.owner.hardware.read(at, 2);
  space.write(at, 2, 0x50a0);
  expect(space.read(at, 2) & 0x70e0).toBe(0x50a0);
  expect(space.owner.hardware.read(at, 2) & 0x00e0).toBe(before & 0x00e0);
  expect(space.owner.hardware.read(at, 2) & 0x7000).toBe(0x5000);
});

test('section 3.5: power management shows no PME and turns a state into an act', () => {
  const space = new Space();
  const at = space.list().get(1) as number;
  expect(space.read(at + 2, 2) & 0xf800).toBe(0);
  space.write(at + 4, 2, 0x8103);
  expect([space.read(at + 4, 2) & 0x8103, space.owner.did]).toEqual([0, ['D3']]);
});

test('section 3.5: vital product data are read and written through address and data', () => {
  const space = new Space();
  const at = space.list().get(3) as number;
  space.write(at + 2, 2, 4);
  expect([space.read(at + 2, 2), space.read(at + 4, 4)]).toEqual([0x8004, 0x07060504]);
  space.write(at + 4, 4, 0xcafebabe);
  space.write(at + 2, 2, 0x8008);
  expect(space.read(at + 2, 2)).toBe(8);
  space.write(at + 2, 2, 8);
  expect(space.read(at + 4, 4)).toBe(0xcafebabe);
  space.write(at + 2, 2, 0x1000);
  expect(space.read(at + 2, 2)).toBe(0x1000);
});

test('section 3.1: vendor-specific and unclaimed bytes are the device’s own', () => {
  const space = new Space();
  const at = space.list().get(9) as number;
  space.write(at + 4, 2, 0xbeef);
  expect(space.owner.hardware.read(at + 4, 2)).toBe(0xbeef);
  space.write(0xf8, 4, 0x11223344);
  expect(space.owner.hardware.read(0xf8, 4)).toBe(0x11223344);
});

test('bad input: any write anywhere leaves what hw says of itself', () => {
  const access = fc.record({
    offset: fc.integer({ min: 0, max: 4095 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }),
  });
  fc.assert(
    fc.property(fc.array(access, { maxLength: 60 }), (accesses) => {
      const space = new Space();
      const ids = space.read(0, 4);
      const list = [...space.list()];
      const bars = space.owner.hardware.bytes.slice(0x10, 0x34);
      for (const { offset, bytes } of accesses) {
        try {
          space.config.write(offset, bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'EFAULT' });
        }
      }
      expect([space.read(0, 4), [...space.list()]]).toEqual([ids, list]);
      expect(space.owner.hardware.bytes.slice(0x10, 0x34)).toEqual(bars);
    }),
  );
});
