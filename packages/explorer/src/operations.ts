/**
 * What a step can be, and when the order of two steps matters. Used by threads (which step wakes a sleeping choice) and by
 * the search (which steps race).
 *
 * A step touches a range of bytes in up to four ways: it reads or writes the value, and it looks at or changes the queue
 * of those who wait there. Two steps depend on each other when their ranges overlap, both touch the same thing and one of
 * them changes it.
 */

export const READS = 1;
export const WRITES = 2;
export const LOOKS_AT_QUEUE = 4;
export const CHANGES_QUEUE = 8;

/** A step that touches nothing: a thread begins, or goes on after it was woken. */
export const BEGIN = 0;
export const RESUME = 1;
/** Time passed for a thread. */
export const TIMEOUT = 2;
export const DIE = 3;
const FIRST_OPERATION = 4;

/** Names of the operations, as of `Atomics`; their position is their kind less {@link FIRST_OPERATION}. */
const OPERATIONS = [
  'load',
  'store',
  'add',
  'sub',
  'and',
  'or',
  'xor',
  'exchange',
  'compareExchange',
  'wait',
  'waitAsync',
  'notify',
] as const;

/** An operation of `Atomics` that is a step. */
export type OperationName = (typeof OPERATIONS)[number];

/** The kind of an operation. */
export function kindOf(name: OperationName): number {
  return FIRST_OPERATION + OPERATIONS.indexOf(name);
}

/** How a step of this kind is called. */
export function nameOfKind(kind: number): string {
  if (kind === BEGIN) return 'begins';
  if (kind === RESUME) return 'goes on';
  if (kind === TIMEOUT) return 'time passes';
  if (kind === DIE) return 'dies';
  return OPERATIONS[kind - FIRST_OPERATION] ?? 'does something unknown';
}

/** What the operation may touch at most: what a thread that has not made it yet is taken to be about to do. */
export function facetsOf(name: OperationName): number {
  switch (name) {
    case 'load':
      return READS;
    case 'wait':
    case 'waitAsync':
      return READS | CHANGES_QUEUE;
    case 'notify':
      return CHANGES_QUEUE;
    default:
      return READS | WRITES;
  }
}

/** True if the order of two ways of touching the same bytes matters. */
export function facetsDepend(a: number, b: number): boolean {
  return (
    ((a & WRITES) !== 0 && (b & (READS | WRITES)) !== 0) ||
    ((b & WRITES) !== 0 && (a & READS) !== 0) ||
    ((a & CHANGES_QUEUE) !== 0 && (b & (LOOKS_AT_QUEUE | CHANGES_QUEUE)) !== 0) ||
    ((b & CHANGES_QUEUE) !== 0 && (a & LOOKS_AT_QUEUE) !== 0)
  );
}
