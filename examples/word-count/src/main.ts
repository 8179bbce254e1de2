/**
 * Workers that share a table and a lock, without any device: each counts words of its part of a text in one array of shared
 * memory. One of them dies while it holds the lock. The lock passes on, the next owner is told, and drops what was half done.
 */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { LockSpace, Mutex, ThreadTable } from '@mediated/core/sync';

const WORDS = ['actor', 'lock', 'mdev'] as const;
const TEXT = 'lock mdev lock actor mdev lock actor lock mdev mdev lock lock '.repeat(100);

/** The table: for each word its count; then what the owner is about to add, and to which word. */
const PENDING = WORDS.length;
const WHERE = WORDS.length + 1;

if (isMainThread) {
  const space = LockSpace.create();
  const mutex = space.mutex('word table');
  const table = new Int32Array(new SharedArrayBuffer((WORDS.length + 2) * 4));
  const next = new Int32Array(new SharedArrayBuffer(4));
  const parts = TEXT.trim().split(/(?<=(?:\S+ ){100})/g);
  const start = (clumsy: boolean) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { lock: mutex.handle, table, next, parts, clumsy },
    });
    ThreadTable.current().watch(worker); // passes on what it holds when it ends
    return once(worker, 'exit');
  };
  await start(true);
  await Promise.all([start(false), start(false), start(false)]);
  const guard = await mutex.lock(); // the main thread awaits, it never blocks
  WORDS.forEach((word, index) => {
    console.log(word, table[index]);
  });
  guard.release();
  console.log('owners that died:', mutex.stats().ownerDeaths);
} else {
  const { lock, table, next, parts, clumsy } = workerData;
  const mutex = Mutex.from(lock);
  // Each part is taken by one worker; a clumsy one takes none, so that nothing of the text is lost with it.
  for (;;) {
    const part = clumsy ? 'lock ' : parts[Atomics.add(next, 0, 1)];
    if (part === undefined) break;
    for (const word of part.trim().split(' ')) {
      const guard = mutex.lockSync(); // a worker blocks, as in C
      if (guard.ownerDied) table[PENDING] = 0; // it had not added it yet
      table[WHERE] = WORDS.indexOf(word);
      table[PENDING] = 1;
      if (clumsy) process.exit(1);
      table[table[WHERE]] += table[PENDING];
      table[PENDING] = 0;
      guard.release();
    }
  }
}
