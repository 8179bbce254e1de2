/** Scenarios of the read-write semaphore. */
import type { World } from '@mediated/explorer';
import { codeOf, count, demand, openYard } from './yard.fixture.js';

/** How a thread takes part in the scenario of a read-write semaphore. */
type Part =
  | 'read'
  | 'write'
  | 'await writes'
  | 'await read'
  | 'await write'
  | 'try read'
  | 'try write'
  | 'hasty read'
  | 'hasty write';

/** Readers and writers as `parameters.parts` says. Words 0 and 1 are equal but for a moment in which a writer is alone. */
export async function readersAndWriters(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const { parts = ['read', 'write'] } = world.parameters as { parts?: readonly Part[] };
  const handle = lock('semaphore', (space) => space.rwSemaphore());
  const look = () => {
    const first = Atomics.load(data, 0);
    const second = Atomics.load(data, 1);
    demand(first === second, `read ${first} and ${second} while a writer was inside`);
  };
  const change = () => {
    count(data, 0);
    count(data, 1);
  };
  const gaveUp = (error: unknown) => {
    demand(codeOf(error) === 'ETIMEDOUT', codeOf(error));
    Atomics.add(data, 2, 1);
  };
  for (const [thread, part] of parts.entries()) {
    world.start(`${part} ${thread}`, async () => {
      const semaphore = sync.RwSemaphore.from(handle);
      const writes = part.endsWith('write');
      if (part === 'try read') {
        if (!semaphore.tryRead()) return;
        look();
        semaphore.unlockRead();
      } else if (part === 'try write') {
        if (!semaphore.tryWrite()) return;
        change();
        semaphore.unlockWrite();
        Atomics.add(data, 3, 1);
      } else {
        const options = part.startsWith('hasty') ? { timeout: 10 } : {};
        if (part === 'await writes') {
          const task = async () => {
            const guard = await semaphore.write();
            change();
            guard.release();
          };
          await Promise.all([task(), task()]);
          return;
        }
        try {
          const awaits = part.startsWith('await');
          const guard = writes
            ? awaits
              ? await semaphore.write()
              : semaphore.writeSync(options)
            : awaits
              ? await semaphore.read()
              : semaphore.readSync(options);
          if (writes && !guard.ownerDied) change();
          else if (!writes && !guard.ownerDied) look();
          else {
            // A writer has died: what it wrote may be half-done.
            Atomics.store(data, 0, 0);
            Atomics.store(data, 1, 0);
            if (writes) semaphore.markConsistent();
          }
          guard.release();
        } catch (error) {
          if (!part.startsWith('hasty')) throw error;
          gaveUp(error);
        }
      }
    });
  }
  world.whenKilled((thread) => {
    table.reap(thread, { keep: true });
    Atomics.add(data, 4, 1);
  });
  world.afterwards(() => {
    const semaphore = sync.RwSemaphore.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(semaphore.readers === 0, `${semaphore.readers} readers are left`);
    demand(semaphore.writer === -1, `thread ${semaphore.writer} is left as the writer`);
    demand(semaphore.tryWrite(), 'nobody holds it, and it cannot be taken for writing');
    semaphore.unlockWrite();
    demand(semaphore.tryRead(), 'nobody holds it, and it cannot be taken for reading');
    semaphore.unlockRead();
    demand(semaphore.stats().waiting === 0, `${semaphore.stats().waiting} threads are still said to wait`);
    if (data[4] !== 0) return;
    const writers = parts.filter((part) => part.includes('write') && part !== 'try write').length;
    const most = writers + Number(data[3]) + parts.filter((part) => part === 'await writes').length;
    demand(
      Number(data[0]) <= most && Number(data[0]) >= most - Number(data[2]),
      `${data[0]} of ${most} writes are left`,
    );
  });
}

/** A reader that goes on only when somebody has tried to write: trying never waits. */
export async function tryingDoesNotWait(world: World): Promise<void> {
  const { sync, lock } = await openYard(world);
  const handle = lock('semaphore', (space) => space.rwSemaphore());
  const tried = lock('tried', (space) => space.completion());
  world.start('reader', () => {
    const guard = sync.RwSemaphore.from(handle).readSync();
    sync.Completion.from(tried).waitSync();
    guard.release();
  });
  world.start('tries', () => {
    const semaphore = sync.RwSemaphore.from(handle);
    if (semaphore.tryWrite()) semaphore.unlockWrite();
    if (semaphore.tryRead()) semaphore.unlockRead();
    sync.Completion.from(tried).complete();
  });
}
