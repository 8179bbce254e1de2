/** Every kind of lock in a few lines: shown in docs/sync.md. Run by pages.test.ts. */
import { LockSpace } from '@mediated/core/sync';

const space = LockSpace.create();

const mutex = space.mutex('queue');
if (mutex.tryLock()) {
  console.log('mutex held by thread', mutex.owner);
  mutex.unlock();
}

const table = space.rwSemaphore('table');
const reading = await table.read();
console.log('writer beside a reader', table.tryWrite());
reading.release();
console.log('writer alone', table.tryWrite());
table.unlockWrite();

const budget = space.semaphore(24, 'ports');
const ports = await budget.acquire(4);
console.log('ports left', budget.value);
ports.release();

const ready = space.completion('ready');
ready.completeAll();
await ready.wait();

const users = space.refCount(1, 'users', { tracked: true });
console.log('one more user', users.tryGet());
users.put();
console.log('that was the last', users.put());

const domain = space.srcu('settings');
const token = domain.readLock();
const grace = domain.synchronize();
domain.readUnlock(token);
await grace;

await mutex.lock({ timeout: 100, signal: AbortSignal.timeout(100) }).then((guard) => guard.release());
console.log('takes', mutex.stats().acquisitions);
