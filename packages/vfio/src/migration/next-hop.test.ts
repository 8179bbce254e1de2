import { migrationArcs, nextHop } from '@mediated/vfio';
import { MIGRATION_FLAGS, MIGRATION_STATES } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P, in the order of the matrix; - is ERROR. */
const LETTERS = 'SRCUPYZ';
const NUMBERS: Record<string, number> = { '-': 0, S: 1, R: 2, C: 3, U: 4, P: 5, Y: 6, Z: 7 };
const letterOf = (state: number) => LETTERS[[1, 2, 3, 4, 5, 6, 7].indexOf(state)] as string;

/** The table of spec/vfio-core section 12: row current, column target. */
const MATRIX: Record<string, string> = {
  S: 'SPCUPPP',
  R: 'PRPPPYP',
  C: 'SSCSS--',
  U: 'SSSUSSS',
  P: 'SRSSPRZ',
  Y: 'RRZRRYZ',
  Z: 'PPCPPYZ',
};
const NEEDS: Record<string, number> = { S: 1, R: 1, C: 1, U: 1, P: 3, Y: 5, Z: 7 };
const supports = (flags: number, letter: string) => ((NEEDS[letter] as number) & ~flags) === 0;

/** By the matrix: hops that the device does not have are passed through. */
function byMatrix(flags: number, current: string, target: string): string {
  if (!supports(flags, current) || !supports(flags, target)) return 'EINVAL';
  const column = LETTERS.indexOf(target);
  let hop = MATRIX[current]?.[column] as string;
  while (hop !== '-' && !supports(flags, hop)) hop = MATRIX[hop]?.[column] as string;
  return hop === '-' ? 'EINVAL' : hop;
}

function computed(flags: number, current: number, target: number): string {
  try {
    return letterOf(nextHop(flags, current, target));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** All states from one to another, both included. */
function path(flags: number, from: string, to: string): string {
  let way = from;
  for (let at = from; at !== to; way += at) {
    at = computed(flags, NUMBERS[at] as number, NUMBERS[to] as number);
    if (at === 'EINVAL') return at;
    if (way.length > 8) return `${way}...`;
  }
  return way;
}

const FLAG_SETS = [1, 3, 5, 7];
const SAVING = 'CYZ';

describe.each(FLAG_SETS)('flags %i', (flags) => {
  test('vfio-core 23.23: every next hop is that of the matrix', () => {
    for (const current of LETTERS) {
      for (const target of LETTERS) {
        const [from, to] = [NUMBERS[current] as number, NUMBERS[target] as number];
        expect(computed(flags, from, to), `${current} to ${target}`).toBe(byMatrix(flags, current, target));
      }
    }
  });

  test('vfio-core 23.23: at most 4 hops over implemented arcs, saving only as the end or within the group', () => {
    const arcs = new Set(migrationArcs(flags).map(([from, to]) => letterOf(from) + letterOf(to)));
    for (const from of LETTERS) {
      for (const to of LETTERS) {
        const way = path(flags, from, to);
        if (!supports(flags, from) || !supports(flags, to)) expect(from === to || way === 'EINVAL').toBe(true);
        else if (from === 'C' && 'YZ'.includes(to)) expect(way).toBe('EINVAL');
        else {
          expect(way.length - 1, way).toBeLessThanOrEqual(4);
          for (let at = 1; at < way.length; at++) expect(arcs).toContain(way.slice(at - 1, at + 1));
          const interior = [...way.slice(1, -1)].filter((letter) => SAVING.includes(letter));
          expect(interior.length === 0 || way === 'YZC', way).toBe(true);
        }
      }
    }
  });
});

test.each([
  [7, 'RPSC'],
  [7, 'USPRY'],
  [7, 'YRPS'],
  [7, 'YZC'],
  [7, 'ZPR'],
  [7, 'SPZ'],
  [1, 'RSC'],
  [1, 'USR'],
  [5, 'YC'],
  [5, 'SRY'],
  [5, 'USRY'],
  [3, 'USPR'],
])('with flags %i the way is %s', (flags, way) => {
  expect(path(flags, way[0] as string, way.at(-1) as string)).toBe(way);
});

test('vfio-core 23.23: ERROR, what is no state, and a device without STOP_COPY are EINVAL', () => {
  fc.assert(
    fc.property(fc.nat(7), fc.integer({ min: 0, max: 0xffffffff }), fc.nat(7), (flags, odd, state) => {
      fc.pre(odd === 0 || odd > 7);
      expect(computed(flags, odd, state)).toBe('EINVAL');
      expect(computed(flags, state, odd)).toBe('EINVAL');
      expect(computed(flags & ~MIGRATION_FLAGS.stopCopy, state, state)).toBe('EINVAL');
    }),
  );
  expect(computed(7, MIGRATION_STATES.error, MIGRATION_STATES.error)).toBe('EINVAL');
});
