/**
 * What is explored, and how deep: one line per scenario and setting. Called by `main.ts` and by the tests.
 */

import { PROTOCOLS } from './protocols-targets.js';
import { type Target, targetsOf } from './target.js';

const { POSITIVE_INFINITY: ALL } = Number;

const mutex = targetsOf('mutex');
const readWrite = targetsOf('rw-semaphore');
const srcu = targetsOf('srcu');
const completion = targetsOf('completion');
const semaphore = targetsOf('semaphore');
const refCount = targetsOf('ref-count');
const lockSpace = targetsOf('lock-space');
const memory = targetsOf('memory');
const inbox = targetsOf('inbox');

const MUTEX: readonly Target[] = [
  mutex('mutex', 'mutexBlocking', ALL),
  mutex('mutex, 3 threads', 'mutexBlocking', 3, { parameters: { threads: 3 } }),
  mutex('mutex, 2 rounds', 'mutexBlocking', 3, { parameters: { rounds: 2 } }),
  mutex('mutex, awaited by 3 tasks', 'mutexAwaiting', ALL),
  mutex('mutex, blocked and awaited', 'mutexMixed', ALL),
  mutex('mutex, blocked and awaited, 3 threads', 'mutexMixed', 2, { parameters: { threads: 3 } }),
  mutex('mutex, time-out', 'mutexTimeout', ALL),
  mutex('mutex, time-out, 3 threads', 'mutexTimeout', 3, { parameters: { threads: 3 } }),
  mutex('mutex, abort', 'mutexAbort', ALL),
  mutex('mutex, abort and time-out', 'mutexAbort', 3, { parameters: { threads: 3 } }),
  mutex('mutex, abort beside a patient waiter', 'mutexAbort', 2, { parameters: { threads: 3, patient: true } }),
  mutex('mutex, blocked and awaited on one thread', 'mutexBoth', 3),
  mutex('mutex, heir', 'mutexHeir', ALL),
  mutex('mutex, heir with a time-out', 'mutexHeir', ALL, { parameters: { hasty: true } }),
  mutex('mutex, two heirs', 'mutexHeir', 2, { parameters: { threads: 3 } }),
  mutex('mutex, deaths', 'mutexDeath', 2, { kills: 1 }),
  mutex('mutex, two deaths', 'mutexDeath', 1, { kills: 2 }),
  mutex('mutex, deaths, one awaits', 'mutexDeath', 2, { parameters: { awaiting: true }, kills: 1 }),
  mutex('mutex, deaths, 3 threads', 'mutexDeath', 1, { parameters: { threads: 3 }, kills: 1 }),
  mutex('mutex, heirs die', 'mutexHeirDeath', 2, { kills: 1 }),
  mutex('mutex, heirs die, everywhere', 'mutexHeirDeath', 1, { kills: 1, everywhere: true }),
  mutex('mutex, hasty heirs die, everywhere', 'mutexHeirDeath', 2, {
    parameters: { hasty: true },
    kills: 1,
    everywhere: true,
  }),
  mutex('mutex, everywhere', 'mutexBlocking', 3, { everywhere: true }),
  mutex('mutex, a listener that blocks', 'listenerBlocks', 2),
  mutex('mutex, guards', 'mutexGuards', ALL),
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
].map(({ parts, preemptions }) =>
  readWrite(`rw-semaphore: ${parts.join(', ')}`, 'readersAndWriters', preemptions, { parameters: { parts } }),
);

const LOCKS: readonly Target[] = [
  readWrite('rw-semaphore: trying does not wait', 'tryingDoesNotWait', ALL),
  readWrite('rw-semaphore, deaths', 'readersAndWriters', 1, { kills: 1 }),
  readWrite('rw-semaphore, awaited by 3', 'readersAndWriters', 2, {
    parameters: { parts: ['await read', 'await write', 'await write'] },
  }),
  readWrite('rw-semaphore, awaited by 2, one in a hurry', 'readersAndWriters', 2, {
    parameters: { parts: ['await read', 'hasty write', 'await write'] },
  }),
  readWrite('rw-semaphore, awaited, deaths', 'readersAndWriters', 1, {
    parameters: { parts: ['await read', 'await write'] },
    kills: 1,
  }),
  srcu('srcu', 'gracePeriods', ALL),
  srcu('srcu, awaited', 'gracePeriods', ALL, { parameters: { awaiting: true } }),
  srcu('srcu, 2 readers', 'gracePeriods', 3, { parameters: { readers: 2 } }),
  srcu('srcu, 2 updaters', 'gracePeriods', 2, { parameters: { updaters: 2 } }),
  srcu('srcu, awaited by 2 updaters', 'gracePeriods', 2, { parameters: { updaters: 2, awaiting: true } }),
  srcu('srcu, deaths', 'gracePeriods', 2, { kills: 1 }),
  completion('completion', 'completions', ALL),
  completion('completion, awaited', 'completions', ALL, { parameters: { awaiting: true } }),
  completion('completion, time-out', 'completions', ALL, { parameters: { hasty: true } }),
  completion('completion, 2 waiters', 'completions', 2, { parameters: { waiters: 2 } }),
  completion('completion, awaited by 2', 'completions', 2, { parameters: { waiters: 2, awaiting: true } }),
  completion('completion, 2 waiters, time-out', 'completions', 2, { parameters: { waiters: 2, hasty: true } }),
  completion('completion of all', 'completions', 3, { parameters: { waiters: 2, all: true } }),
  semaphore('semaphore', 'permits', ALL),
  semaphore('semaphore, awaited', 'permits', ALL, { parameters: { awaiting: true } }),
  semaphore('semaphore, time-out', 'permits', ALL, { parameters: { hasty: true } }),
  semaphore('semaphore, a waiter for two before one for one', 'bulkWaiter', 1),
  semaphore('semaphore, several permits', 'permits', 2, { parameters: { permits: 2, wants: [1, 2, 1] } }),
  semaphore('semaphore, several permits awaited', 'permits', 2, {
    parameters: { permits: 2, wants: [1, 2, 1], awaiting: true },
  }),
  semaphore('semaphore, deaths', 'permits', 1, { kills: 1 }),
  semaphore('semaphore, awaited, deaths', 'permits', 1, { parameters: { awaiting: true }, kills: 1 }),
  semaphore('semaphore, awaited, deaths, 3 threads', 'permits', 1, {
    parameters: { wants: [1, 1, 1], awaiting: true },
    kills: 1,
  }),
  refCount('reference count', 'references', ALL),
  refCount('reference count, awaited', 'references', ALL, { parameters: { awaiting: true } }),
  refCount('reference count, 2 bearers', 'references', 2, { parameters: { bearers: 2 } }),
  refCount('tracked reference count', 'references', 3, { parameters: { tracked: true } }),
  refCount('tracked reference count, deaths', 'references', 1, { parameters: { tracked: true }, kills: 1 }),
  lockSpace('lock space', 'lockSpaces', 3),
  lockSpace('lock space, deaths', 'lockSpaces', 2, { kills: 1 }),
];

const MEMORY: readonly Target[] = [
  memory('arena', 'arena', 3),
  memory('arena, one chunk', 'arena', 3, { parameters: { capacity: 32 } }),
  memory('arena, 3 threads', 'arena', 2, { parameters: { threads: 3, rounds: 1 } }),
  memory('arena, deaths', 'arena', 1, { parameters: { rounds: 1 }, kills: 1 }),
  memory('UUID table', 'uuids', 3, { parameters: { rounds: 1 } }),
  memory('UUID table, 2 rounds', 'uuids', 2),
  memory('UUID table, 3 threads', 'uuids', 2, { parameters: { threads: 3, rounds: 1 } }),
  memory('UUID table, one looks', 'uuids', 2, { parameters: { looks: true, rounds: 1 } }),
  memory('UUID table, deaths', 'uuids', 1, { parameters: { rounds: 1 }, kills: 1 }),
  memory('UUID table, few slots', 'uuids', 2, { parameters: { scarce: true, looks: true } }),
  memory('UUID table, few slots, one enters', 'uuids', ALL, { parameters: { scarce: true, looks: true, threads: 1 } }),
  memory('numbers', 'numbers', 3),
  memory('numbers, 3 threads', 'numbers', 3, { parameters: { threads: 3, rounds: 1 } }),
  memory('numbers, deaths', 'numbers', 2, { parameters: { rounds: 1 }, kills: 1 }),
  memory('names', 'names', ALL),
  memory('names, 3 threads', 'names', 3, { parameters: { threads: 3 } }),
  memory('names, deaths', 'names', 2, { kills: 1 }),
];

const INBOX: readonly Target[] = [
  inbox('inbox', 'inbox', ALL),
  inbox('inbox, 2 senders', 'inbox', 3, { parameters: { senders: 2, messages: 1 } }),
  inbox('full ring', 'fullRing', ALL),
];

/** All of them. */
export const TARGETS: readonly Target[] = [...MUTEX, ...READERS, ...LOCKS, ...MEMORY, ...INBOX, ...PROTOCOLS];

/** The target of this name. */
export function targetNamed(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`there is no target '${name}'`);
  return target;
}
