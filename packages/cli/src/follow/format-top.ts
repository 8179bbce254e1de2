/** The tables of `mediated top`, from what an instance counted at two moments. Pure. */
import type { StatisticsAnswer } from '../control/protocol.js';
import { counted, whole } from '../counted.js';
import { type Column, formatTable } from '../table.js';
import type { Meaning } from '../terminal.js';

export interface TopFormat {
  readonly columns: number;
  /** So many lines at most; tables lose their last rows first. */
  readonly lines: number;
  readonly paint: (meaning: Meaning, text: string) => string;
}

/** Locks that are shown. */
const MOST_LOCKS = 12;
/** Lines of a table that are no rows: blank, titles, rule. */
const FRAME = 3;

const THREADS: readonly Column[] = [
  { title: 'thread' },
  { title: 'handled/s', align: 'right' },
  { title: 'sent/s', align: 'right' },
  { title: 'sleeps/s', align: 'right' },
  { title: 'spins paid/s', align: 'right' },
  { title: 'inbox full', align: 'right' },
];
const LOCKS: readonly Column[] = [
  { title: 'lock' },
  { title: 'taken/s', align: 'right' },
  { title: 'contended/s', align: 'right' },
  { title: 'contended', align: 'right' },
  { title: 'waiting', align: 'right' },
];
const PARENTS: readonly Column[] = [
  { title: 'parent' },
  { title: 'driver' },
  { title: 'threads', align: 'right' },
  { title: 'devices', align: 'right' },
];

/** The lines of the display. */
export function formatTop(before: StatisticsAnswer, now: StatisticsAnswer, format: TopFormat): string[] {
  const { columns, lines, paint } = format;
  const seconds = Math.max(0.001, (now.uptime - before.uptime) / 1000);
  const devices = now.parents.reduce((sum, parent) => sum + parent.devices, 0);
  const head = [
    `up ${duration(now.uptime)}`,
    counted(now.threads.length, 'thread'),
    counted(now.parents.length, 'parent'),
    counted(devices, 'device'),
  ].join(', ');
  const tables = [
    { columns: THREADS, rows: threadRows(before, now, seconds) },
    { columns: LOCKS, rows: lockRows(before, now, seconds) },
    { columns: PARENTS, rows: now.parents.map((p) => [p.name, p.driver, whole(p.threads), whole(p.devices)]) },
  ].filter(({ rows }) => rows.length > 0);
  const room = shares(
    tables.map(({ rows }) => rows.length),
    lines - 1 - FRAME * tables.length,
  );
  return [
    paint('title', head.slice(0, columns)),
    ...tables.flatMap(({ columns: titles, rows }, at) => {
      const [title, rule, ...cells] = formatTable(titles, rows.slice(0, room[at]), columns);
      return ['', paint('title', title), paint('aside', rule), ...cells];
    }),
  ].slice(0, lines);
}

function threadRows(before: StatisticsAnswer, now: StatisticsAnswer, seconds: number): string[][] {
  const past = new Map(before.threads.map((thread) => [thread.thread, thread]));
  return now.threads.map((thread) => {
    const old = past.get(thread.thread);
    // A thread that was started again counts from zero.
    const base = old !== undefined && old.name === thread.name && old.handled <= thread.handled ? old : undefined;
    const rate = (field: 'handled' | 'sent' | 'parks' | 'spinsPaid') =>
      whole((thread[field] - (base?.[field] ?? 0)) / seconds);
    return [thread.name, rate('handled'), rate('sent'), rate('parks'), rate('spinsPaid'), whole(thread.backlogged)];
  });
}

/** The locks that are contended most, now first, then since the start. */
function lockRows(before: StatisticsAnswer, now: StatisticsAnswer, seconds: number): string[][] {
  const key = ({ kind, name }: StatisticsAnswer['locks'][number]) => `${kind} ${name}`;
  const past = new Map(before.locks.map((lock) => [key(lock), lock.stats]));
  return now.locks
    .map((lock) => {
      const { acquisitions, contended, waiting } = lock.stats;
      const old = past.get(key(lock));
      const taken = (acquisitions - (old?.acquisitions ?? 0)) / seconds;
      return { name: lock.name, taken, recent: (contended - (old?.contended ?? 0)) / seconds, contended, waiting };
    })
    .filter(({ taken, contended, waiting }) => taken > 0 || contended > 0 || waiting > 0)
    .sort((a, b) => b.waiting - a.waiting || b.recent - a.recent || b.contended - a.contended || b.taken - a.taken)
    .slice(0, MOST_LOCKS)
    .map(({ name, taken, recent, contended, waiting }) => {
      return [name, whole(taken), whole(recent), whole(contended), whole(waiting)];
    });
}

/** How many rows each table gets: all, or as even a share of the room as there is. */
function shares(wanted: readonly number[], room: number): number[] {
  if (wanted.reduce((sum, rows) => sum + rows, 0) <= room) return [...wanted];
  const given = wanted.map(() => 0);
  for (let left = room; left > 0; left--) {
    const open = [...wanted.keys()].filter((at) => given[at] < wanted[at]);
    given[open.reduce((least, at) => (given[at] < given[least] ? at : least))]++;
  }
  return given;
}

function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}
