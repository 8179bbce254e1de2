/** How tables are laid out. */
import { formatTable } from '#dist/table.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('a table', () => {
  test('aligns texts left and numbers right, with nothing after the last', () => {
    const columns = [{ title: 'name' }, { title: 'count', align: 'right' }, { title: 'note' }] as const;
    expect(
      formatTable(columns, [
        ['mtty0', '7', ''],
        ['m', '123456', 'x'],
      ]),
    ).toEqual(['name    count  note', '-----  ------  ----', 'mtty0       7', 'm      123456  x']);
  });

  test('takes room from the widest column and marks what it cuts', () => {
    const lines = formatTable([{ title: 'a' }, { title: 'b' }], [['123456', 'abcdefghijkl']], 14);
    expect(lines).toEqual(['a       b', '------  ------', '123456  abcde…']);
  });

  test('has blanks for missing cells and for line breaks', () => {
    expect(formatTable([{ title: 'a' }, { title: 'b' }], [['x\ny\x1b'], []]).slice(2)).toEqual(['x y', '']);
  });

  test('is never wider than it may be, whatever its cells', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 5 })
          .chain((count) =>
            fc.tuple(
              fc.array(fc.string({ maxLength: 60 }), { minLength: count, maxLength: count }),
              fc.array(fc.array(fc.string({ maxLength: 100 }), { maxLength: count + 1 }), { maxLength: 5 }),
            ),
          ),
        fc.integer({ min: 1, max: 120 }),
        ([titles, rows], width) => {
          const lines = formatTable(
            titles.map((title) => ({ title })),
            rows,
            width,
          );
          expect(lines).toHaveLength(rows.length + 2);
          for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 200 },
    );
  });
});
