/** The third tour of README.md: a mutex that workers share, and one that dies holding it. Run by pages.test.ts. */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { LockSpace, Mutex, ThreadTable } from '@mediated/core/sync';

const TOTAL = 5000;

if (isMainThread) {
  const space = LockSpace.create();
  const mutex = space.mutex('accounts');
  const accounts = new Int32Array(new SharedArrayBuffer(8));
  accounts[0] = TOTAL;
  const workers = [0, 500].map((diesAt) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { lock: mutex.handle, accounts, diesAt } });
    ThreadTable.current().watch(worker); // passes on what it holds when it ends
    return once(worker, 'exit');
  });
  await Promise.all(workers);

  const guard = await mutex.lock(); // the main thread awaits, it never blocks
  if (guard.ownerDied) repair(accounts);
  guard.release();
  console.log('accounts', accounts.join(' + '));
  console.log('owners that died', mutex.stats().ownerDeaths);
} else {
  const { lock, accounts, diesAt } = workerData;
  const mutex = Mutex.from(lock);
  for (let transfer = 1; transfer <= 1000; transfer++) {
    const guard = mutex.lockSync();
    if (guard.ownerDied) repair(accounts); // EOWNERDEAD: what it protects may be half-changed
    accounts[0]--;
    if (transfer === diesAt) process.exit(1);
    accounts[1]++;
    guard.release();
  }
}

/** What was taken out and not paid in is paid in. */
function repair(accounts: Int32Array): void {
  accounts[1] = TOTAL - accounts[0];
}
