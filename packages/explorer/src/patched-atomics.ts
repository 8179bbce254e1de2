/**
 * Puts the explored thread between the code under test and `Atomics`. Called once per worker, before the code under test
 * is imported. Operations on memory that is not explored, and all of them outside an execution, are the real ones.
 */
import type { ExploredThread } from './explored-thread.js';
import { facetsOf, kindOf, type OperationName, READS } from './operations.js';
import { type AtomicArray, load as realLoad } from './real-atomics.js';
import { sleep, wake } from './sleep.js';
import { recordValues } from './trace.js';
import { addWait } from './waits.js';

type RealOperation = (array: AtomicArray, index: number, ...values: (number | bigint)[]) => number | bigint;

const load = realLoad as unknown as RealOperation;

const MODIFYING = ['load', 'store', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange'] as const;

/** Low half of a value, for the record. */
function low(value: number | bigint | undefined): number {
  return typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : (value ?? 0) | 0;
}

function high(value: number | bigint): number {
  return typeof value === 'bigint' ? Number(BigInt.asIntN(32, value >> 32n)) : 0;
}

function isIndex(array: AtomicArray, index: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < array.length;
}

/** Replaces the operations of this worker's `Atomics`. */
export function patchAtomics(thread: ExploredThread): void {
  for (const name of MODIFYING) Object.assign(Atomics, { [name]: modifying(thread, name) });
  Object.assign(Atomics, { wait: waiting(thread), waitAsync: awaiting(thread), notify: notifying(thread) });
}

function modifying(thread: ExploredThread, name: OperationName): RealOperation {
  const real = Atomics[name] as unknown as RealOperation;
  const kind = kindOf(name);
  const facets = facetsOf(name);
  const isLoad = name === 'load';
  return (array, index, ...values) => {
    const buffer = thread.bufferOf(array);
    if (!thread.isStep(buffer) || !isIndex(array, index)) return real(array, index, ...values);
    const length = array.BYTES_PER_ELEMENT;
    const offset = array.byteOffset + index * length;
    thread.enter(kind, facets, buffer, offset, length);
    const before = load(array, index);
    const result = real(array, index, ...values);
    // What leaves the value as it was has only read it.
    const changed = !isLoad && load(array, index) !== before;
    thread.record(kind, changed ? facets : READS, buffer, offset, length);
    recordValues(thread.words, low(result), low(values[values.length - 1]));
    return result;
  };
}

function waiting(thread: ExploredThread): typeof Atomics.wait {
  const real = Atomics.wait as (
    array: Int32Array | BigInt64Array,
    index: number,
    value: number | bigint,
    timeout?: number,
  ) => 'ok' | 'not-equal' | 'timed-out';
  const kind = kindOf('wait');
  const facets = facetsOf('wait');
  return (array: Int32Array | BigInt64Array, index: number, value: number | bigint, timeout?: number) => {
    const buffer = thread.bufferOf(array);
    if (!thread.isStep(buffer) || !isIndex(array, index)) return real(array, index, value, timeout);
    const length = array.BYTES_PER_ELEMENT;
    const offset = array.byteOffset + index * length;
    thread.enter(kind, facets, buffer, offset, length);
    const found = load(array, index);
    const limit = limitOf(timeout);
    const sleeps = found === normalized(array, value) && limit > 0;
    thread.record(kind, sleeps ? facets : READS, buffer, offset, length);
    recordValues(thread.words, low(found), low(value));
    if (!sleeps) return found === normalized(array, value) ? 'timed-out' : 'not-equal';
    return sleep(thread, buffer, offset, length, low(found), high(found), limit);
  };
}

function awaiting(thread: ExploredThread): typeof Atomics.waitAsync {
  const real = Atomics.waitAsync as (
    array: Int32Array | BigInt64Array,
    index: number,
    value: number | bigint,
    timeout?: number,
  ) => ReturnType<typeof Atomics.waitAsync>;
  const kind = kindOf('waitAsync');
  const facets = facetsOf('waitAsync');
  return (array: Int32Array | BigInt64Array, index: number, value: number | bigint, timeout?: number) => {
    const buffer = thread.bufferOf(array);
    if (!thread.isStep(buffer) || !isIndex(array, index)) return real(array, index, value, timeout);
    const length = array.BYTES_PER_ELEMENT;
    const offset = array.byteOffset + index * length;
    thread.enter(kind, facets, buffer, offset, length);
    const found = load(array, index);
    const limit = limitOf(timeout);
    const equal = found === normalized(array, value);
    thread.record(kind, equal && limit > 0 ? facets : READS, buffer, offset, length);
    recordValues(thread.words, low(found), low(value));
    if (!equal) return { async: false, value: 'not-equal' };
    if (limit <= 0) return { async: false, value: 'timed-out' };
    const waiter = addWait(thread.words, thread.index, buffer, offset, low(found), high(found), true);
    return { async: true, value: thread.tasks.addWait(waiter, limit) };
  };
}

function notifying(thread: ExploredThread): typeof Atomics.notify {
  const real = Atomics.notify as (array: Int32Array | BigInt64Array, index: number, count?: number) => number;
  const kind = kindOf('notify');
  return (array: Int32Array | BigInt64Array, index: number, count?: number) => {
    const buffer = thread.bufferOf(array);
    if (!thread.isStep(buffer) || !isIndex(array, index)) return real(array, index, count);
    const length = array.BYTES_PER_ELEMENT;
    const offset = array.byteOffset + index * length;
    thread.enter(kind, facetsOf('notify'), buffer, offset, length);
    return wake(thread, buffer, offset, length, count === undefined ? Number.POSITIVE_INFINITY : Math.max(0, count));
  };
}

/** A time-out as a wait takes it: none and NaN are endless. */
function limitOf(timeout: number | undefined): number {
  return timeout === undefined || Number.isNaN(timeout) ? Number.POSITIVE_INFINITY : timeout;
}

/** The value to compare with, as the array would hold it. */
function normalized(array: Int32Array | BigInt64Array, value: number | bigint): number | bigint {
  return array instanceof Int32Array ? Number(value) | 0 : BigInt.asIntN(64, BigInt(value));
}
