/**
 * Everything in which a replay was not held against the kernel, or is known to answer otherwise, as the rows of the table in
 * docs/fidelity.md: one per reason and field. Pure.
 */
import { type Departure, showResult } from './tally.js';

/** More kinds of steps than this are not named one by one: they are all that have the field. */
const MOST_NAMES = 16;
const MOST_VALUES = 4;
const MOST_CHARACTERS = 40;

export const HEADER = ['| recordings | steps | kernel | here | why |', '|---|---|---|---|---|'];

/** The table's rows, sorted. */
export function fidelityRows(departures: readonly Departure[]): string[] {
  const groups = new Map<string, Departure[]>();
  for (const departure of departures) {
    const key = JSON.stringify([departure.reason, departure.field]);
    groups.set(key, [...(groups.get(key) ?? []), departure]);
  }
  return [...groups.values()].map(row).sort();
}

function row(group: readonly Departure[]): string {
  const [{ field, reason }] = group;
  const recordings = distinct(group.map(({ recording }) => recording));
  const names = distinct(group.map(({ words }) => words));
  const steps = names.length > MOST_NAMES ? 'all that have it' : names.map((name) => `\`${cell(name)}\``).join('; ');
  const what =
    field === undefined || field === 'ret' ? '' : `\`${field}\`${steps === 'all that have it' ? '' : ' of '}`;
  const kernel = values(group.map((departure) => departure.kernel));
  const differing = group.filter(({ here }) => here !== undefined);
  const here =
    differing.length > 0
      ? values(differing.map((departure) => departure.here))
      : field === undefined
        ? 'not asked'
        : 'not compared';
  const where = what === '' ? steps : `${what}${steps === 'all that have it' ? ', where there is one' : steps}`;
  return `| ${recordings.join(', ')} | ${where} | ${kernel} | ${here} | ${cell(reason)} |`;
}

function values(all: readonly unknown[]): string {
  const simple = all.filter((value) => typeof value === 'number' || typeof value === 'string');
  const shown = distinct(simple.map(show));
  if (shown.length === 0) return 'as recorded';
  const rest = shown.length - MOST_VALUES;
  return shown.slice(0, MOST_VALUES).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function show(value: unknown): string {
  const text = value === '' ? 'nothing' : cell(showResult(value));
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('`', "'").replaceAll('\n', ' ');
}
