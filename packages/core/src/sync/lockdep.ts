/**
 * The order checker (debug mode): who holds which named lock, what was ever taken while what was held, and whether a
 * new take contradicts that. Called by the locks behind one boolean test (`lockDebug`), so it costs nothing when off.
 *
 * Locks of one class are taken for one: what stands before a name's first `: ` (`gate: card0` is of class `gate`).
 * Held locks are listed per task. A task is what runs inside `lockTask`; outside of it, what the thread takes without
 * awaiting counts as one task of the thread, and awaiting takes are checked against nothing, because concurrent
 * asynchronous functions cannot be told apart there. The lists are thread-private; the learned order is shared.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';
import { MediatedError } from '../errors.js';
import { OrderMemory } from './lockdep-memory.js';

/** A lock that the checker may know by name; nameless locks are not checked. */
export interface CheckedLock {
  readonly name: string | undefined;
}

/** A contradiction between the order of two takes. */
export interface LockInversion {
  /** The class that was about to be taken and the one that was held. */
  readonly taking: string;
  readonly holding: string;
  /** EDEADLK; its message holds the stack of the take and the stack that established the opposite order. */
  readonly error: MediatedError;
}

/** True while the checker is on. Read by the locks, written by {@link enableLockDebug} only. */
export let lockDebug = false;

const tasks = new AsyncLocalStorage<string[]>();
const threadHeld: string[] = [];
const listsOfLock = new WeakMap<CheckedLock, string[][]>();
let memory: OrderMemory | undefined;
let report: (inversion: LockInversion) => void = throwInversion;

/** Turns the checker on for this thread; do so before starting workers, who turn it on for themselves. */
export function enableLockDebug(enabled = true): void {
  memory ??= OrderMemory.inherit();
  lockDebug = enabled;
}

/** Has `callback` told of inversions instead of having them thrown. Without argument: throw again. */
export function onLockInversion(callback: (inversion: LockInversion) => void = throwInversion): void {
  report = callback;
}

/** Declares that the classes are taken in this order, outermost first, as if it had been seen. */
export function declareLockOrder(names: readonly string[]): void {
  memory ??= OrderMemory.inherit();
  const order = memory;
  names.forEach((name, index) => {
    const next = names[index + 1];
    if (next !== undefined)
      order.learn(order.classOf(name), order.classOf(next), () => `declared: ${names.join(' < ')}`);
  });
}

/** Runs `body` as a task of its own: what it holds, across its awaits, is one list. */
export function lockTask<Result>(body: () => Result): Result {
  return lockDebug ? tasks.run([], body) : body();
}

/** The names of the locks that the current task holds, in order of taking. Empty while the checker is off. */
export function heldLocks(): readonly string[] {
  return [...(tasks.getStore() ?? threadHeld)];
}

/**
 * For a take by a `try` form that waits when it is refused: checks and learns its order as a waiting take does, also
 * when there is nothing to wait for.
 */
export function checkLockOrder(lock: CheckedLock): void {
  if (lockDebug) noteTaking(lock, true);
}

/** A lock is about to be waited for. Throws or reports an inversion. `awaiting`: by an awaiting form. */
export function noteTaking(lock: CheckedLock, awaiting: boolean): void {
  const held = tasks.getStore() ?? (awaiting ? [] : threadHeld);
  if (lock.name === undefined || memory === undefined || held.length === 0) return;
  const taking = memory.classOf(classIn(lock.name));
  if (taking < 0) return;
  for (const name of held) {
    const holding = memory.classOf(classIn(name));
    if (holding < 0 || holding === taking) continue;
    const path = memory.path(taking, holding);
    if (path !== undefined) tell(inversion(memory, path, lock.name, name));
    else memory.learn(holding, taking, stack);
  }
}

/** A lock was taken. `awaiting`: by an awaiting form. */
export function noteTaken(lock: CheckedLock, awaiting: boolean): void {
  const held = tasks.getStore() ?? (awaiting ? undefined : threadHeld);
  if (lock.name === undefined || held === undefined) return;
  held.push(lock.name);
  const lists = listsOfLock.get(lock);
  if (lists === undefined) listsOfLock.set(lock, [held]);
  else lists.push(held);
}

/** A lock was released, by whatever task. */
export function noteReleased(lock: CheckedLock): void {
  if (lock.name === undefined) return;
  const lists = listsOfLock.get(lock);
  const own = tasks.getStore() ?? threadHeld;
  const at = lists === undefined ? -1 : Math.max(lists.lastIndexOf(own), lists.length > 0 ? 0 : -1);
  const held = lists?.splice(at, at < 0 ? 0 : 1)[0];
  const index = held?.lastIndexOf(lock.name) ?? -1;
  if (index >= 0) held?.splice(index, 1);
}

function inversion(order: OrderMemory, path: number[], taking: string, holding: string): LockInversion {
  const stacks = path.slice(1).map((to, index) => {
    const from = path[index] ?? to;
    return `${order.nameOf(to)} was first taken while ${order.nameOf(from)} was held:\n${order.stackOf(from, to)}`;
  });
  const message = `taking ${taking} while holding ${holding}:\n${stack()}\ncontradicts the established order.\n${stacks.join('\n')}`;
  return {
    taking: classIn(taking),
    holding: classIn(holding),
    error: new MediatedError('EDEADLK', message, { syscall: 'lock' }),
  };
}

/** The class in a lock's name. */
function classIn(name: string): string {
  const end = name.indexOf(': ');
  return end < 0 ? name : name.slice(0, end);
}

/** Whoever catches what is thrown may go on: so a test run has a file by which it knows, whatever process found it. */
function tell(found: LockInversion): void {
  const file = process.env.MEDIATED_LOCK_REPORT;
  if (file) appendFileSync(file, `${found.error.message}\n`);
  report(found);
}

function throwInversion(found: LockInversion): never {
  throw found.error;
}

function stack(): string {
  return (new Error().stack ?? '').split('\n').slice(3).join('\n');
}

if (process.env.MEDIATED_LOCK_DEBUG === '1') enableLockDebug();
