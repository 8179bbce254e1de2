/** The IOMMU against a plain model of it: maps, unmaps, pins and accesses in any order (spec/vfio-core 23.15-23.21). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, PAGE, type Stand, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import type { DeviceAccess, PinAccess } from '#dist/iommu/device-access.js';
import type { Type1 } from '#dist/iommu/type1.js';

const PAGES = 24;
const ENTRIES = 6;
const LOCKED = 8;

/** A page as the model has it. */
interface ModelPage {
  mapping: ModelMapping | undefined;
  /** Pins by device. */
  pins: [number, number];
}

interface ModelMapping {
  start: number;
  pages: number;
  flags: number;
  to: number;
}

/** What the program and two devices see, without any cleverness. */
class Model {
  readonly pages: ModelPage[] = Array.from({ length: PAGES }, () => ({ mapping: undefined, pins: [0, 0] }));
  readonly mappings = new Set<ModelMapping>();
  readonly memory = new Uint8Array(PAGES);

  map(start: number, pages: number, flags: number, to: number): string | undefined {
    const range = this.pages.slice(start, start + pages);
    if (range.some(({ mapping }) => mapping !== undefined)) return 'EEXIST';
    if (this.mappings.size === ENTRIES) return 'ENOSPC';
    const mapping = { start, pages, flags, to };
    this.mappings.add(mapping);
    for (const page of range) page.mapping = mapping;
    return undefined;
  }

  /** The pages unmapped, or an errno. Devices answer at once. */
  unmap(start: number, pages: number): number | string {
    const [first, last] = [this.pages[start]?.mapping, this.pages[start + pages - 1]?.mapping];
    if (first !== undefined && first.start !== start) return 'EINVAL';
    if (last !== undefined && last.start + last.pages !== start + pages) return 'EINVAL';
    let unmapped = 0;
    for (const page of this.pages.slice(start, start + pages)) {
      if (page.mapping !== undefined) unmapped++;
      if (page.mapping !== undefined) this.mappings.delete(page.mapping);
      page.mapping = undefined;
      page.pins = [0, 0];
    }
    return unmapped;
  }

  get locked(): number {
    return this.pages.filter(({ pins }) => pins[0] + pins[1] > 0).length;
  }

  pin(device: 0 | 1, start: number, pages: number, wanted: number): string | undefined {
    const before = this.pages.map(({ pins }) => [...pins] as [number, number]);
    const refuse = (code: string) => {
      before.forEach((pins, index) => {
        this.pages[index]!.pins = pins;
      });
      return code;
    };
    for (let at = start; at < start + pages; at++) {
      const page = this.pages[at];
      if (page?.mapping === undefined) return refuse('EINVAL');
      if ((wanted & ~page.mapping.flags) !== 0) return refuse('EPERM');
      if (page.pins[0] + page.pins[1] === 0 && this.locked === LOCKED) return refuse('ENOMEM');
      page.pins[device]++;
    }
    return undefined;
  }

  unpin(device: 0 | 1, start: number, pages: number): void {
    for (const page of this.pages.slice(start, start + pages)) {
      if (page.mapping === undefined) return;
      if (page.pins[device] > 0) page.pins[device]--;
    }
  }

  /** Writes one byte to each page. */
  write(start: number, pages: number, value: number): string | undefined {
    for (let at = start; at < start + pages; at++) {
      const mapping = this.pages[at]?.mapping;
      if (mapping === undefined) return 'EINVAL';
      if (mapping.flags !== 3) return 'EPERM';
      this.memory[mapping.to + at - mapping.start] = value;
    }
    return undefined;
  }
}

class Real {
  readonly stand: Stand<Type1> = type1Stand({ entries: ENTRIES, lockedPages: LOCKED });
  readonly devices: [DeviceAccess, DeviceAccess] = [this.stand.device(10), this.stand.device(11)];

  constructor() {
    this.stand.onNotice = (iova, size) => {
      for (const device of this.devices) {
        for (let i = 0; i < 20; i++) device.unpin(iova, Number(size / PAGE));
      }
    };
  }

  check(model: Model): void {
    const { space } = this.stand.iommu;
    const expected = [...model.mappings].map(({ start, pages }) => [start, pages]).sort((a, b) => a[0]! - b[0]!);
    expect(this.stand.mapped()).toEqual(expected);
    expect(this.stand.iommu.info().dmaAvail).toBe(ENTRIES - model.mappings.size);
    expect(space.lockedPages).toBe(model.locked);
    model.pages.forEach(({ pins }, page) => {
      expect([space.pins.count(page, 10), space.pins.count(page, 11)]).toEqual(pins);
    });
    for (let page = 0; page < PAGES; page++) expect(this.stand.program.bytes[page * 4096]).toBe(model.memory[page]);
  }
}

interface Step {
  readonly name: string;
  run(model: Model, real: Real): void;
}

const start = fc.nat(PAGES - 1);
const length = fc.integer({ min: 1, max: 8 });
const device = fc.constantFrom<0 | 1>(0, 1);

const steps = fc.oneof(
  fc.constant<Step>({
    name: 'what follows from the records is derived anew, as after the death of an owner',
    run(_model, { stand }) {
      const { mappings, pins } = stand.iommu.space;
      mappings.rebuild();
      pins.rebuild();
    },
  }),
  fc.tuple(start, length, fc.integer({ min: 1, max: 3 }), fc.nat(PAGES - 9)).map(
    ([at, pages, flags, to]): Step => ({
      name: `map ${at}+${pages} flags ${flags} to ${to}`,
      run(model, { stand }) {
        if (at + pages > PAGES) return;
        const request = {
          iova: BigInt(at) * PAGE,
          size: BigInt(pages) * PAGE,
          vaddr: VADDR + BigInt(to) * PAGE,
          flags,
        };
        expect(codeOf(() => stand.iommu.map(stand.program, request))).toBe(model.map(at, pages, flags, to));
      },
    }),
  ),
  fc.tuple(start, length).map(
    ([at, pages]): Step => ({
      name: `unmap ${at}+${pages}`,
      run(model, { stand }) {
        if (at + pages > PAGES) return;
        let unmapped: unknown;
        const code = codeOf(() => {
          unmapped = Number(
            (stand.iommu.unmap({ iova: BigInt(at) * PAGE, size: BigInt(pages) * PAGE }) as bigint) / PAGE,
          );
        });
        expect(code ?? unmapped).toBe(model.unmap(at, pages));
      },
    }),
  ),
  fc.tuple(device, start, length, fc.integer({ min: 1, max: 3 })).map(
    ([which, at, pages, wanted]): Step => ({
      name: `device ${which} pins ${at}+${pages} access ${wanted}`,
      run(model, { devices }) {
        const access = (['read', 'write', 'read-write'] as const)[wanted - 1] as PinAccess;
        expect(codeOf(() => devices[which].pin(at * 4096, pages, access))).toBe(model.pin(which, at, pages, wanted));
      },
    }),
  ),
  fc.tuple(device, start, length).map(
    ([which, at, pages]): Step => ({
      name: `device ${which} unpins ${at}+${pages}`,
      run(model, { devices }) {
        if (at + pages > PAGES) return;
        devices[which].unpin(at * 4096, pages);
        model.unpin(which, at, pages);
      },
    }),
  ),
  fc.tuple(device, start, length, fc.integer({ min: 1, max: 255 })).map(
    ([which, at, pages, value]): Step => ({
      name: `device ${which} writes ${value} to ${at}+${pages}`,
      run(model, { devices }) {
        // The value at the beginning of each page, what is there already elsewhere.
        const bytes = new Uint8Array((pages - 1) * 4096 + 1);
        for (let i = 0; i < pages; i++) bytes[i * 4096] = value;
        expect(codeOf(() => devices[which].write(at * 4096, bytes))).toBe(model.write(at, pages, value));
      },
    }),
  ),
);

test('vfio-core 23.15 to 23.20: any sequence of calls answers and leaves what a plain model does', () => {
  // What a device unpins where nothing is mapped is warned of; here that is part of the play.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 40 }), (sequence) => {
        const model = new Model();
        const real = new Real();
        for (const step of sequence) {
          step.run(model, real);
          real.check(model);
        }
      }),
      { numRuns: 150 },
    );
  } finally {
    process.emitWarning = emitWarning;
  }
});
