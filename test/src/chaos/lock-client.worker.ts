/**
 * A client that takes and gives back locks of the yard, blocking, or awaiting in several tasks at once, until it is killed
 * or the run ends. Started by `clients.ts`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isMediatedError } from '@mediated/core';
import { currentThread } from '@mediated/core/sync';
import { OwnWords, type StepName } from './client-words.js';
import { LockYard, type Pair, PERMITS, type YardHandle } from './lock-yard.js';
import { Random } from './random.js';

/** What a lock client is given. */
export interface LockClientData {
  readonly words: SharedArrayBuffer;
  readonly place: number;
  readonly yard: YardHandle;
  readonly seed: number;
  readonly stream: number;
  /** Tasks that await; 0: the client blocks. */
  readonly tasks: number;
}

/** Milliseconds. */
const SHORT = 2;
const TASKS_STEPS = 40;
/** Turns of the loop in the middle of a change, at most. */
const WORK = 20_000;

const STEPS: Partial<Record<StepName, number>> = {
  mutex: 20,
  'mutex with time-out': 8,
  'mutex and table': 6,
  'table read': 12,
  'table write': 10,
  semaphore: 12,
  reference: 10,
  'read section': 10,
  'grace period': 3,
};

const { words, place, yard: handle, seed, stream, tasks } = workerData as LockClientData;
const own = new OwnWords(words, place);
const yard = LockYard.from(handle);
const blocks = tasks === 0;

function complain(text: string): void {
  parentPort?.postMessage(text);
}

/** Changes data that only one may change at a time, or repairs them after a death. */
function change(pair: Pair, ownerDied: boolean, random: Random, repaired: () => void): void {
  if (ownerDied) {
    pair.repair();
    repaired();
  }
  if (!pair.isWhole) {
    complain(`data that are protected by the ${pair.lock} were torn, and no death was told of`);
    pair.repair();
  }
  const turns = random.below(WORK);
  own.critical(() =>
    pair.change(() => {
      own.danger();
      for (let turn = 0; turn < turns; turn++) Math.sqrt(turn);
    }),
  );
}

async function perform(name: StepName, random: Random): Promise<void> {
  const { mutex, table, permits, users, domain, underMutex, underTable } = yard;
  switch (name) {
    case 'mutex': {
      using guard = blocks ? mutex.lockSync() : await mutex.lock();
      change(underMutex, guard.ownerDied, random, () => mutex.markConsistent());
      return;
    }
    case 'mutex with time-out': {
      try {
        using guard = blocks ? mutex.lockSync({ timeout: SHORT }) : await mutex.lock({ timeout: SHORT });
        change(underMutex, guard.ownerDied, random, () => mutex.markConsistent());
      } catch (error) {
        if (!isMediatedError(error, 'ETIMEDOUT')) throw error;
      }
      return;
    }
    case 'mutex and table': {
      using guard = blocks ? mutex.lockSync() : await mutex.lock();
      if (guard.ownerDied) {
        underMutex.repair();
        mutex.markConsistent();
      }
      own.danger();
      using write = blocks ? table.writeSync() : await table.write();
      change(underTable, write.ownerDied, random, () => table.markConsistent());
      return;
    }
    case 'table read': {
      using guard = blocks ? table.readSync() : await table.read();
      own.danger();
      if (!guard.ownerDied && !underTable.isWhole) complain('a reader has seen a change that was not complete');
      return;
    }
    case 'table write': {
      using guard = blocks ? table.writeSync() : await table.write();
      change(underTable, guard.ownerDied, random, () => table.markConsistent());
      return;
    }
    case 'semaphore': {
      const amount = 1 + random.below(PERMITS);
      using _permits = blocks ? permits.acquireSync(amount) : await permits.acquire(amount);
      own.danger();
      return;
    }
    case 'reference':
      if (!users.tryGet()) complain('the reference count was zero');
      own.danger();
      users.put();
      return;
    case 'read section': {
      const token = domain.readLock();
      own.danger();
      domain.readUnlock(token);
      return;
    }
    case 'grace period':
      if (blocks) domain.synchronizeSync();
      else await domain.synchronize();
  }
}

async function step(random: Random): Promise<void> {
  const name = random.weighted(STEPS as Record<StepName, number>);
  try {
    await own.step(name, () => perform(name, random));
  } catch (error) {
    complain(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** Lives until it is killed or the run ends. No top-level await: bundled, this file is CommonJS (`bundle.ts`). */
async function live(): Promise<never> {
  // Who awaits nothing but a word of shared memory would otherwise be done.
  parentPort?.ref();
  own.begin(currentThread());
  if (blocks) {
    const random = new Random(seed, stream);
    do {
      while (!own.mustRest) await step(random);
    } while (own.restSync(0, () => {}));
  } else {
    const randoms = Array.from({ length: tasks }, (_, task) => new Random(seed, stream * 16 + task));
    do {
      // A few steps of each task: then all of them are at rest together, if they are to rest.
      while (!own.mustRest) {
        const several = randoms.map(async (random) => {
          for (let count = 0; count < TASKS_STEPS && !own.mustRest; count++) await step(random);
        });
        await Promise.all(several);
      }
    } while (await own.rest(() => 0));
  }
  process.exit(0);
}

void live();
