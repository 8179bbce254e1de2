/**
 * Worker of the memory tests: attaches as the thread id it is given, waits at the gate, runs one job, posts the result.
 * `churn` runs until it is terminated when `rounds` is 0; it counts its rounds in the gate's second word.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  Arena,
  type ArenaHandle,
  NameTable,
  type NameTableHandle,
  UuidTable,
  type UuidTableHandle,
} from '@mediated/core/memory';

/** Word 0 opens the gate, word 1 counts rounds. */
export interface Job {
  kind: 'insert' | 'churn' | 'arena' | 'intern';
  thread: number;
  gate: Int32Array;
  arena: ArenaHandle;
  table: UuidTableHandle;
  names: NameTableHandle;
  /** UUIDs this job deals with: number `n` is (n, 0, 0, n). */
  from: number;
  count: number;
  rounds: number;
}

const job = workerData as Job;
const arena = Arena.from(job.arena, { thread: job.thread });
const table = UuidTable.from(job.table, arena);

function allocate(number: number): number {
  const index = arena.allocate();
  if (index < 0) throw new Error('arena full');
  const at = arena.base(index) + 2;
  arena.words[at] = number;
  arena.words[at + 1] = 0;
  arena.words[at + 2] = 0;
  arena.words[at + 3] = number;
  return index;
}

/** Inserts every UUID once; returns the numbers whose insertion succeeded. */
function insert(): number[] {
  const won: number[] = [];
  for (let number = job.from; number < job.from + job.count; number++) {
    const index = allocate(number);
    if (table.insertIfAbsent(index)) won.push(number);
    else arena.free(index);
  }
  return won;
}

/** Inserts and removes in a pseudo-random order; returns the numbers it holds at the end, or what went wrong. */
function churn(): number[] | string {
  const held = new Map<number, number>();
  let seed = job.thread + 1;
  for (let round = 0; job.rounds === 0 || round < job.rounds; round++) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const number = job.from + ((seed >>> 8) % job.count);
    const mine = held.get(number);
    if (mine !== undefined) {
      if (table.lookup(number, 0, 0, number) !== mine) return `${number} is not found where it was put`;
      if (!table.remove(mine)) return `${number} was removed by somebody else`;
      arena.free(mine);
      held.delete(number);
    } else {
      const index = allocate(number);
      if (table.insertIfAbsent(index)) held.set(number, index);
      else arena.free(index);
    }
    Atomics.add(job.gate, 1, 1);
    if (round === 100) Atomics.notify(job.gate, 1);
  }
  return [...held.keys()];
}

/** Allocates and frees, writing its mark into every slot it holds; returns the slots it holds at the end. */
function slots(): number[] | string {
  const held: number[] = [];
  for (let round = 0; round < job.rounds; round++) {
    if (held.length < job.count && round % 3 !== 2) {
      const index = arena.allocate();
      if (index < 0) return 'arena full';
      arena.words[arena.base(index) + 2] = job.thread;
      held.push(index);
    } else {
      const index = held.splice(round % held.length, 1)[0] as number;
      if (arena.words[arena.base(index) + 2] !== job.thread) return `slot ${index} was given out twice`;
      arena.free(index);
    }
  }
  return held;
}

/** Interns `count` names in an order of its own; returns the ids in the order of the names. */
function intern(): number[] {
  const names = NameTable.from(job.names, { thread: job.thread });
  const ids: number[] = [];
  for (let step = 0; step < job.count; step++) {
    const number = (step * 7 + job.thread * 13) % job.count;
    ids[number] = names.intern(`name-${number}`);
  }
  return ids;
}

const jobs = { insert, churn, arena: slots, intern };
parentPort?.postMessage('ready');
Atomics.wait(job.gate, 0, 0);
parentPort?.postMessage(jobs[job.kind]());
