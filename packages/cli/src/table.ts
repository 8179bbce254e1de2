/**
 * A text table with aligned columns, for what the commands report. Pure; called on the main thread.
 */

/** One column. */
export interface Column {
  readonly title: string;
  /** `right` for numbers. Default: `left`. */
  readonly align?: 'left' | 'right';
}

/** Two blanks between columns. */
const GAP = 2;

/**
 * The table's lines: titles, a rule, one line per row, none longer than `width` characters (default 80).
 * When the cells need more, the widest column gives way, again and again, and its cells end in an ellipsis.
 * A row's missing cells are blank; line breaks and other control characters become blanks.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width = 80): string[] {
  const texts = [columns.map((column) => column.title), ...rows].map((row) =>
    columns.map((_, index) => [...(row[index] ?? '').replace(/\p{Cc}/gu, ' ')]),
  );
  const widths = columns.map((_, index) => Math.max(1, ...texts.map((row) => row[index].length)));
  const room = Math.max(columns.length, width - GAP * (columns.length - 1));
  for (let excess = widths.reduce((sum, each) => sum + each, 0) - room; excess > 0; excess--) {
    widths[widths.indexOf(Math.max(...widths))]--;
  }
  const [titles, ...cells] = texts.map((row) => formatRow(columns, row, widths).slice(0, width));
  const rule = widths.map((each) => '-'.repeat(each)).join(' '.repeat(GAP));
  return [titles, rule.slice(0, width), ...cells];
}

function formatRow(columns: readonly Column[], row: readonly string[][], widths: readonly number[]): string {
  const cells = row.map((cell, index) => {
    const width = widths[index];
    const text = cell.length <= width ? cell.join('') : `${cell.slice(0, width - 1).join('')}…`;
    const blanks = ' '.repeat(width - Math.min(cell.length, width));
    return columns[index].align === 'right' ? blanks + text : text + blanks;
  });
  return cells.join(' '.repeat(GAP)).trimEnd();
}
