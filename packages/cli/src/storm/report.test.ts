/** The table of locks in a storm's report: what is shown, in which order, how wide. */
import { formatReport, type StormReport } from '#dist/storm/report.js';
import type { LockStatistics } from '@mediated/core';
import { expect, test } from 'vitest';

function storm(locks: LockStatistics[]): StormReport {
  return {
    seed: 1,
    gate: 'rwsem',
    seconds: 1,
    operations: [],
    threads: [],
    locks,
    checks: { quiescent: 0, empty: 0, unregistered: 0 },
    longestUnregister: 0,
    starved: 0,
    violations: [],
    interrupted: false,
  };
}

function report(locks: LockStatistics[]): string[] {
  return formatReport(storm(locks), (_meaning, text) => text, 80);
}

function lock(name: string, kind: LockStatistics['kind'], contended: number): LockStatistics {
  return { name, kind, stats: { acquisitions: 7, contended, handoffs: 0, ownerDeaths: 0, waiting: 0 } };
}

test('locks are told by contention; what a kind does not count is left blank', () => {
  const lines = report([
    lock('instances: a', 'semaphore', 2),
    lock('gate: a', 'rwSemaphore', 1234),
    lock('b', 'mutex', 0),
  ]);
  const at = lines.findIndex((line) => line.startsWith('lock '));
  expect(lines.slice(at, at + 5)).toEqual([
    'lock          taken  contended  handed over  owner died',
    '------------  -----  ---------  -----------  ----------',
    'gate: a           7      1,234            0           0',
    'instances: a                 2            0           0',
    '1 other lock was never contended',
  ]);
});

test('a long list is cut and stays within 80 columns', () => {
  const locks = Array.from({ length: 15 }, (_, n) => lock(`gate: ${'parent'.repeat(12)}${n}`, 'srcu', n));
  const lines = report(locks);
  expect(lines.filter((line) => line.startsWith('gate: '))).toHaveLength(10);
  expect(lines).toContain('4 more contended locks; 1 other lock was never contended');
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80);
});

test('a calm storm says so', () => {
  expect(report([lock('gate: a', 'rwSemaphore', 0)])).toContain('no lock was contended');
});

test('the legend breaks between words in a narrow terminal', () => {
  const lines = formatReport(storm([lock('gate: a', 'srcu', 1)]), (_meaning, text) => text, 30);
  const legend = lines.slice(
    lines.findIndex((line) => line.startsWith('taken:')),
    lines.findIndex((line) => /^lock/.test(line)),
  );
  expect(Math.max(...legend.map((line) => line.length))).toBeLessThanOrEqual(30);
  expect(legend.join(' ')).toContain('takes of a count that met another.');
});
