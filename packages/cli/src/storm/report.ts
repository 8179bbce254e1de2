/** What a storm tells at its end: tables of operations, refusals, threads and locks, and the invariants. Pure. */
import type { NamedThreadStatistics } from '@mediated/core/actor';
import type { GateKind, LockStatistics } from '@mediated/core';
import type { LockKind } from '@mediated/core/sync';
import { counted, whole } from '../counted.js';
import { formatTable } from '../table.js';
import type { Meaning } from '../terminal.js';
import { INVARIANTS, type Violation } from './invariants.js';
import type { OperationCounts } from './tally.js';

/** A storm from its beginning to its end. */
export interface StormReport {
  readonly seed: number;
  readonly gate: GateKind;
  readonly seconds: number;
  readonly operations: readonly OperationCounts[];
  readonly threads: readonly NamedThreadStatistics[];
  readonly locks: readonly LockStatistics[];
  /** How often was compared: the whole bus at rest, the bus without parents, a parent that was unregistered under load. */
  readonly checks: { readonly quiescent: number; readonly empty: number; readonly unregistered: number };
  /** Milliseconds of the longest unregistering. */
  readonly longestUnregister: number;
  /** Unregisterings that ended only when clients made way. */
  readonly starved: number;
  readonly violations: readonly Violation[];
  readonly interrupted: boolean;
}

/** Locks that are told: those that threads met at most often. */
const MOST_LOCKS = 10;
/** Kinds that count every take, or what stands for it. */
const COUNT_TAKES: readonly LockKind[] = ['mutex', 'rwSemaphore', 'srcu'];

/** What the columns say, by the class before the colon. */
const LEGEND =
  'taken: how often a gate was closed, or a mutex taken. contended: tries that a gate refused, takes of a mutex that waited, takes of a count that met another.';

/** Violations that are told; there may be thousands of one kind. */
const MOST_TOLD = 10;

/** The lines of a report, none longer than `columns`. */
export function formatReport(
  report: StormReport,
  paint: (meaning: Meaning, text: string) => string,
  columns: number,
): string[] {
  const table = (...parts: Parameters<typeof formatTable>) => {
    const [titles = '', ...lines] = formatTable(...parts);
    return [paint('title', titles), ...lines, ''];
  };
  const right = 'right' as const;
  const operations = report.operations.map(({ operation, done, refusals }) => {
    const refused = refusals.reduce((sum, [, count]) => sum + count, 0);
    return [operation, whole(done), whole((done + refused) / report.seconds), whole(refused)];
  });
  const refusals = report.operations.flatMap(({ operation, done, refusals: each }) => {
    const all = each.reduce((sum, [, count]) => sum + count, done);
    return each.map(([code, count]) => [operation, code, whole(count), `${((100 * count) / all).toFixed(1)} %`]);
  });
  const threads = report.threads.map(({ name, handled, sent, parks, spinsPaid, backlogged }) => [
    name,
    ...[handled, sent, parks, spinsPaid, backlogged].map(whole),
  ]);
  return [
    ...table(
      [
        { title: 'operation' },
        { title: 'done', align: right },
        { title: 'tried per s', align: right },
        { title: 'refused', align: right },
      ],
      operations,
      columns,
    ),
    ...(refusals.length === 0
      ? []
      : table(
          [
            { title: 'refused' },
            { title: 'with' },
            { title: 'times', align: right },
            { title: 'of all', align: right },
          ],
          refusals,
          columns,
        )),
    ...table(
      [
        { title: 'thread' },
        ...['handled', 'sent', 'slept', 'spun', 'inbox full'].map((title) => ({ title, align: right })),
      ],
      threads,
      columns,
    ),
    ...locks(report, table, columns),
    ...unregistering(report),
    '',
    ...invariants(report, paint, columns),
  ];
}

/** One line that says all. */
export function verdictOf(report: StormReport): string {
  const { violations, seed } = report;
  const total = report.operations.reduce((sum, each) => each.refusals.reduce((s, [, n]) => s + n, sum + each.done), 0);
  const did = `${whole(total)} operations in ${report.seconds.toFixed(1)} s, seed ${seed}, gate ${report.gate}`;
  if (violations.length === 0) return `${did}: every invariant held`;
  return `${did}: VIOLATED ${[...new Set(violations.map(({ invariant }) => invariant))].join('; ')}`;
}

/** What is cheap to count is counted, so the columns say different things of different locks. */
function locks(report: StormReport, table: typeof formatTable, columns: number): string[] {
  const met = report.locks
    .filter(({ stats }) => stats.contended + stats.handoffs + stats.ownerDeaths > 0)
    .sort((a, b) => b.stats.contended - a.stats.contended);
  if (met.length === 0) return ['no lock was contended', ''];
  const right = 'right' as const;
  const rows = met.slice(0, MOST_LOCKS).map(({ name, kind, stats }) => {
    const taken = COUNT_TAKES.includes(kind) ? whole(stats.acquisitions) : '';
    return [name, taken, ...[stats.contended, stats.handoffs, stats.ownerDeaths].map(whole)];
  });
  const lines = table(
    [
      { title: 'lock' },
      ...['taken', 'contended', 'handed over', 'owner died'].map((title) => ({ title, align: right })),
    ],
    rows,
    columns,
  );
  const more = met.length - rows.length;
  const calm = report.locks.length - met.length;
  const others = `${counted(calm, 'other lock was', 'other locks were')} never contended`;
  return [
    ...wrap(LEGEND, columns),
    ...lines.slice(0, -1),
    ...wrap(more > 0 ? `${counted(more, 'more contended lock')}; ${others}` : others, columns),
    '',
  ];
}

function unregistering({ longestUnregister, starved, gate, operations }: StormReport): string[] {
  const unregistered = operations.find(({ operation }) => operation === 'unregister')?.done ?? 0;
  const lines = [
    `parents were unregistered ${counted(unregistered, 'time')}, at most ${longestUnregister.toFixed(1)} ms each`,
  ];
  if (starved > 0) {
    const expected = gate === 'refcount' ? ', as expected of the refcount gate' : '';
    lines.push(`clients had to make way for unregistering ${counted(starved, 'time')}${expected}`);
  }
  return lines;
}

function invariants(report: StormReport, paint: (meaning: Meaning, text: string) => string, columns: number): string[] {
  const { quiescent, empty, unregistered } = report.checks;
  const occasions = [
    counted(quiescent, 'calm'),
    counted(empty, 'empty bus', 'empty buses'),
    counted(unregistered, 'unregistering'),
  ];
  const checked = `invariants, compared at ${occasions.join(', ')}:`;
  const broken = new Set(report.violations.map(({ invariant }) => invariant));
  const lines = INVARIANTS.map((name) =>
    broken.has(name) ? paint('bad', `  VIOLATED  ${name}`) : paint('good', `  held      ${name}`),
  );
  const told = report.violations
    .slice(0, MOST_TOLD)
    .flatMap(({ invariant, text }) => wrap(`${invariant}: ${text}`, columns));
  const more = report.violations.length - MOST_TOLD;
  return [checked, ...lines, ...(told.length > 0 ? ['', ...told] : []), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** Breaks a text into lines, between words where there are any; the first stack lines of an error are enough. */
function wrap(text: string, columns: number): string[] {
  const line = new RegExp(`(?=\\S).{1,${columns}}(?= |$)|\\S{${columns}}`, 'gu');
  return text
    .split('\n')
    .slice(0, 6)
    .flatMap((part) => part.match(line) ?? ['']);
}
