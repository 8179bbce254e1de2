/**
 * What is explored, and how deep: one line per scenario and setting. Called by `main.ts` and by the tests.
 */

import { PROTOCOLS } from './protocols-targets.js';

/** A scenario in a setting. */
export interface Target {
  /** Names it in tables and on the command line. */
  readonly name: string;
  /** The fixture that exports it, without its ending, and the export. */
  readonly file: string;
  readonly scenario: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Threads that may be killed in one execution. */
  readonly kills?: number;
  /** Threads change places before every step: see `ExploreOptions.everywhere`. */
  readonly everywhere?: boolean;
  /** Preemptions in the bounded form; Infinity: all executions. */
  readonly preemptions: number;
  /** Steps after which an execution counts as endless. */
  readonly steps?: number;
}

const { POSITIVE_INFINITY: ALL } = Number;

const MUTEX: readonly Target[] = [
  { name: 'mutex', file: 'sync-mutex', scenario: 'mutexBlocking', preemptions: ALL },
  {
    name: 'mutex, 3 threads',
    file: 'sync-mutex',
    scenario: 'mutexBlocking',
    parameters: { threads: 3 },
    preemptions: 3,
  },
  { name: 'mutex, 2 rounds', file: 'sync-mutex', scenario: 'mutexBlocking', parameters: { rounds: 2 }, preemptions: 3 },
  { name: 'mutex, awaited by 3 tasks', file: 'sync-mutex', scenario: 'mutexAwaiting', preemptions: ALL },
  { name: 'mutex, blocked and awaited', file: 'sync-mutex', scenario: 'mutexMixed', preemptions: ALL },
  {
    name: 'mutex, blocked and awaited, 3 threads',
    file: 'sync-mutex',
    scenario: 'mutexMixed',
    parameters: { threads: 3 },
    preemptions: 2,
  },
  { name: 'mutex, time-out', file: 'sync-mutex', scenario: 'mutexTimeout', preemptions: ALL },
  {
    name: 'mutex, time-out, 3 threads',
    file: 'sync-mutex',
    scenario: 'mutexTimeout',
    parameters: { threads: 3 },
    preemptions: 3,
  },
  { name: 'mutex, abort', file: 'sync-mutex', scenario: 'mutexAbort', preemptions: ALL },
  {
    name: 'mutex, abort and time-out',
    file: 'sync-mutex',
    scenario: 'mutexAbort',
    parameters: { threads: 3 },
    preemptions: 3,
  },
  {
    name: 'mutex, abort beside a patient waiter',
    file: 'sync-mutex',
    scenario: 'mutexAbort',
    parameters: { threads: 3, patient: true },
    preemptions: 2,
  },
  { name: 'mutex, blocked and awaited on one thread', file: 'sync-mutex', scenario: 'mutexBoth', preemptions: 3 },
  { name: 'mutex, heir', file: 'sync-mutex', scenario: 'mutexHeir', preemptions: ALL },
  {
    name: 'mutex, heir with a time-out',
    file: 'sync-mutex',
    scenario: 'mutexHeir',
    parameters: { hasty: true },
    preemptions: ALL,
  },
  { name: 'mutex, two heirs', file: 'sync-mutex', scenario: 'mutexHeir', parameters: { threads: 3 }, preemptions: 2 },
  { name: 'mutex, deaths', file: 'sync-mutex', scenario: 'mutexDeath', kills: 1, preemptions: 2 },
  { name: 'mutex, two deaths', file: 'sync-mutex', scenario: 'mutexDeath', kills: 2, preemptions: 1 },
  {
    name: 'mutex, deaths, one awaits',
    file: 'sync-mutex',
    scenario: 'mutexDeath',
    parameters: { awaiting: true },
    kills: 1,
    preemptions: 2,
  },
  {
    name: 'mutex, deaths, 3 threads',
    file: 'sync-mutex',
    scenario: 'mutexDeath',
    parameters: { threads: 3 },
    kills: 1,
    preemptions: 1,
  },
  { name: 'mutex, heirs die', file: 'sync-mutex', scenario: 'mutexHeirDeath', kills: 1, preemptions: 2 },
  {
    name: 'mutex, heirs die, everywhere',
    file: 'sync-mutex',
    scenario: 'mutexHeirDeath',
    kills: 1,
    preemptions: 1,
    everywhere: true,
  },
  {
    name: 'mutex, hasty heirs die, everywhere',
    file: 'sync-mutex',
    scenario: 'mutexHeirDeath',
    parameters: { hasty: true },
    kills: 1,
    preemptions: 2,
    everywhere: true,
  },
  { name: 'mutex, everywhere', file: 'sync-mutex', scenario: 'mutexBlocking', preemptions: 3, everywhere: true },
  { name: 'mutex, a listener that blocks', file: 'sync-mutex', scenario: 'listenerBlocks', preemptions: 2 },
  { name: 'mutex, guards', file: 'sync-mutex', scenario: 'mutexGuards', preemptions: ALL },
];

const READERS: readonly Target[] = [
  { parts: ['read', 'write'], preemptions: ALL },
  { parts: ['read', 'await write'], preemptions: ALL },
  { parts: ['await read', 'write'], preemptions: ALL },
  { parts: ['write', 'await write'], preemptions: ALL },
  { parts: ['hasty read', 'write'], preemptions: ALL },
  { parts: ['read', 'hasty write'], preemptions: ALL },
  { parts: ['try read', 'try write'], preemptions: ALL },
  { parts: ['try write', 'try write'], preemptions: ALL },
  { parts: ['try read', 'write'], preemptions: ALL },
  { parts: ['await writes', 'read'], preemptions: 2 },
  { parts: ['read', 'read', 'write'], preemptions: 2 },
  { parts: ['read', 'write', 'write'], preemptions: 2 },
  { parts: ['read', 'hasty write', 'write'], preemptions: 2 },
  { parts: ['try read', 'try write', 'read'], preemptions: 2 },
].map(({ parts, preemptions }) => ({
  name: `rw-semaphore: ${parts.join(', ')}`,
  file: 'sync-locks',
  scenario: 'readersAndWriters',
  parameters: { parts },
  preemptions,
}));

const LOCKS: readonly Target[] = [
  { name: 'rw-semaphore: trying does not wait', file: 'sync-locks', scenario: 'tryingDoesNotWait', preemptions: ALL },
  { name: 'rw-semaphore, deaths', file: 'sync-locks', scenario: 'readersAndWriters', kills: 1, preemptions: 1 },
  { name: 'srcu', file: 'sync-locks', scenario: 'gracePeriods', preemptions: ALL },
  {
    name: 'srcu, awaited',
    file: 'sync-locks',
    scenario: 'gracePeriods',
    parameters: { awaiting: true },
    preemptions: ALL,
  },
  { name: 'srcu, 2 readers', file: 'sync-locks', scenario: 'gracePeriods', parameters: { readers: 2 }, preemptions: 3 },
  {
    name: 'srcu, 2 updaters',
    file: 'sync-locks',
    scenario: 'gracePeriods',
    parameters: { updaters: 2 },
    preemptions: 2,
  },
  { name: 'srcu, deaths', file: 'sync-locks', scenario: 'gracePeriods', kills: 1, preemptions: 2 },
  { name: 'completion', file: 'sync-locks', scenario: 'completions', preemptions: ALL },
  {
    name: 'completion, awaited',
    file: 'sync-locks',
    scenario: 'completions',
    parameters: { awaiting: true },
    preemptions: ALL,
  },
  {
    name: 'completion, time-out',
    file: 'sync-locks',
    scenario: 'completions',
    parameters: { hasty: true },
    preemptions: ALL,
  },
  {
    name: 'completion, 2 waiters',
    file: 'sync-locks',
    scenario: 'completions',
    parameters: { waiters: 2 },
    preemptions: 2,
  },
  {
    name: 'completion, 2 waiters, time-out',
    file: 'sync-locks',
    scenario: 'completions',
    parameters: { waiters: 2, hasty: true },
    preemptions: 2,
  },
  {
    name: 'completion of all',
    file: 'sync-locks',
    scenario: 'completions',
    parameters: { waiters: 2, all: true },
    preemptions: 3,
  },
  { name: 'semaphore', file: 'sync-locks', scenario: 'permits', preemptions: ALL },
  {
    name: 'semaphore, awaited',
    file: 'sync-locks',
    scenario: 'permits',
    parameters: { awaiting: true },
    preemptions: ALL,
  },
  {
    name: 'semaphore, time-out',
    file: 'sync-locks',
    scenario: 'permits',
    parameters: { hasty: true },
    preemptions: ALL,
  },
  {
    name: 'semaphore, a waiter for two before one for one',
    file: 'sync-locks',
    scenario: 'bulkWaiter',
    preemptions: 1,
  },
  {
    name: 'semaphore, several permits',
    file: 'sync-locks',
    scenario: 'permits',
    parameters: { permits: 2, wants: [1, 2, 1] },
    preemptions: 2,
  },
  { name: 'semaphore, deaths', file: 'sync-locks', scenario: 'permits', kills: 1, preemptions: 1 },
  { name: 'reference count', file: 'sync-locks', scenario: 'references', preemptions: ALL },
  {
    name: 'reference count, awaited',
    file: 'sync-locks',
    scenario: 'references',
    parameters: { awaiting: true },
    preemptions: ALL,
  },
  {
    name: 'reference count, 2 bearers',
    file: 'sync-locks',
    scenario: 'references',
    parameters: { bearers: 2 },
    preemptions: 2,
  },
  {
    name: 'tracked reference count',
    file: 'sync-locks',
    scenario: 'references',
    parameters: { tracked: true },
    preemptions: 3,
  },
  {
    name: 'tracked reference count, deaths',
    file: 'sync-locks',
    scenario: 'references',
    parameters: { tracked: true },
    kills: 1,
    preemptions: 1,
  },
  { name: 'lock space', file: 'sync-locks', scenario: 'lockSpaces', preemptions: 3 },
  { name: 'lock space, deaths', file: 'sync-locks', scenario: 'lockSpaces', kills: 1, preemptions: 2 },
];

const MEMORY: readonly Target[] = [
  { name: 'arena', file: 'memory', scenario: 'arena', preemptions: 3 },
  { name: 'arena, one chunk', file: 'memory', scenario: 'arena', parameters: { capacity: 32 }, preemptions: 3 },
  {
    name: 'arena, 3 threads',
    file: 'memory',
    scenario: 'arena',
    parameters: { threads: 3, rounds: 1 },
    preemptions: 2,
  },
  { name: 'arena, deaths', file: 'memory', scenario: 'arena', parameters: { rounds: 1 }, kills: 1, preemptions: 1 },
  { name: 'UUID table', file: 'memory', scenario: 'uuids', parameters: { rounds: 1 }, preemptions: 3 },
  { name: 'UUID table, 2 rounds', file: 'memory', scenario: 'uuids', preemptions: 2 },
  {
    name: 'UUID table, 3 threads',
    file: 'memory',
    scenario: 'uuids',
    parameters: { threads: 3, rounds: 1 },
    preemptions: 2,
  },
  {
    name: 'UUID table, one looks',
    file: 'memory',
    scenario: 'uuids',
    parameters: { looks: true, rounds: 1 },
    preemptions: 2,
  },
  {
    name: 'UUID table, deaths',
    file: 'memory',
    scenario: 'uuids',
    parameters: { rounds: 1 },
    kills: 1,
    preemptions: 1,
  },
  {
    name: 'UUID table, few slots',
    file: 'memory',
    scenario: 'uuids',
    parameters: { scarce: true, looks: true },
    preemptions: 2,
  },
  {
    name: 'UUID table, few slots, one enters',
    file: 'memory',
    scenario: 'uuids',
    parameters: { scarce: true, looks: true, threads: 1 },
    preemptions: ALL,
  },
  { name: 'numbers', file: 'memory', scenario: 'numbers', preemptions: 3 },
  {
    name: 'numbers, 3 threads',
    file: 'memory',
    scenario: 'numbers',
    parameters: { threads: 3, rounds: 1 },
    preemptions: 3,
  },
  { name: 'numbers, deaths', file: 'memory', scenario: 'numbers', parameters: { rounds: 1 }, kills: 1, preemptions: 2 },
  { name: 'names', file: 'memory', scenario: 'names', preemptions: ALL },
  { name: 'names, 3 threads', file: 'memory', scenario: 'names', parameters: { threads: 3 }, preemptions: 3 },
  { name: 'names, deaths', file: 'memory', scenario: 'names', kills: 1, preemptions: 2 },
];

const INBOX: readonly Target[] = [
  { name: 'inbox', file: 'inbox', scenario: 'inbox', preemptions: ALL },
  {
    name: 'inbox, 2 senders',
    file: 'inbox',
    scenario: 'inbox',
    parameters: { senders: 2, messages: 1 },
    preemptions: 3,
  },
  { name: 'full ring', file: 'inbox', scenario: 'fullRing', preemptions: ALL },
];

/** All of them. */
export const TARGETS: readonly Target[] = [...MUTEX, ...READERS, ...LOCKS, ...MEMORY, ...INBOX, ...PROTOCOLS];

/** The target of this name. */
export function targetNamed(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`there is no target '${name}'`);
  return target;
}
