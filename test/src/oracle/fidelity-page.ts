/** The tables of docs/fidelity.md, as the replays' tests compare them. */
import { readFileSync } from 'node:fs';
import { HEADER } from './fidelity.js';

const PAGE = new URL('../../../docs/fidelity.md', import.meta.url);

/** Headings below which the tables stand: of replays through the library, and of those on a mounted tree. */
export const LIBRARY_TABLE = '## Through the library';
export const TREE_TABLE = '## On the mounted tree';

/** Rows of the table below a heading. Throws when there is none, or its columns are others. */
export function readFidelityTable(heading: string): string[] {
  const [, below] = readFileSync(PAGE, 'utf8').split(`\n${heading}\n`);
  if (below === undefined) throw new Error(`docs/fidelity.md has no heading ${heading}`);
  const [part = ''] = below.split('\n## ');
  const rows = part.split('\n').filter((line) => line.startsWith('|'));
  const header = rows.splice(0, HEADER.length);
  if (header.join('\n') !== HEADER.join('\n')) throw new Error(`the table below ${heading} has other columns`);
  return rows;
}
