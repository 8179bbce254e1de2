/** Mutants of the read-write semaphore. */
import type { Mutant } from './mutant.js';

export const READER_MUTANTS: readonly Mutant[] = [
  {
    name: 'rw-semaphore: a reader looks for writers before it counts itself',
    file: 'sync/rw-semaphore.js',
    from: `        Atomics.add(words, column, 1);
        if ((Atomics.load(words, intent) | Atomics.load(words, intent + 1)) !== 0) {`,
    to: `        const refused = (Atomics.load(words, intent) | Atomics.load(words, intent + 1)) !== 0;
        Atomics.add(words, column, 1);
        if (refused) {`,
    target: 'rw-semaphore: read, write',
  },
  {
    name: 'rw-semaphore: a refused reader stays counted',
    file: 'sync/rw-semaphore.js',
    from: `            Atomics.sub(words, column, 1);
            this.drain.left();
            return false;`,
    to: '            return false;',
    target: 'rw-semaphore: read, write',
  },
  {
    name: 'rw-semaphore: a refused reader does not wake the writer',
    file: 'sync/rw-semaphore.js',
    from: `            Atomics.sub(words, column, 1);
            this.drain.left();`,
    to: '            Atomics.sub(words, column, 1);',
    target: 'rw-semaphore: try read, write',
  },
  {
    name: 'rw-semaphore: the last reader does not wake the writer',
    file: 'sync/rw-semaphore.js',
    from: `        Atomics.sub(this.words, this.column, 1);
        this.drain.left();`,
    to: '        Atomics.sub(this.words, this.column, 1);',
    target: 'rw-semaphore: read, write',
  },
  {
    name: 'rw-semaphore: a reader that has waited counts itself too late',
    file: 'sync/rw-semaphore.js',
    from: `        Atomics.add(this.words, this.column, 1);
        this.mutex.unlock();`,
    to: `        this.mutex.unlock();
        Atomics.add(this.words, this.column, 1);`,
    target: 'rw-semaphore: read, write',
  },
  {
    name: 'rw-semaphore: a writer does not wait for readers',
    file: 'sync/rw-semaphore.js',
    from: "this.drain.enterSync('writeSync', 0, restOf(options, started));",
    to: '',
    target: 'rw-semaphore: read, write',
  },
  {
    name: 'rw-semaphore: an awaiting writer does not wait for readers',
    file: 'sync/rw-semaphore.js',
    from: "await this.drain.enter('write', 0, restOf(options, started));",
    to: '',
    target: 'rw-semaphore: read, await write',
  },
  {
    name: 'rw-semaphore: trying to write does not look for readers again',
    file: 'sync/rw-semaphore.js',
    from: `        this.announce();
        if (this.drain.attempt(0)) {`,
    to: '        this.announce();\n        if (true) {',
    target: 'rw-semaphore: try read, try write',
  },
  {
    name: 'rw-semaphore: trying to write keeps readers out when it is refused',
    file: 'sync/rw-semaphore.js',
    from: `        this.retract();
        this.mutex.unlock();
        return false;`,
    to: '        this.mutex.unlock();\n        return false;',
    target: 'rw-semaphore: try read, try write',
  },
  {
    name: 'rw-semaphore: a writer blocks where it should only try',
    file: 'sync/rw-semaphore.js',
    from: `        this.retract();
        this.mutex.unlock();
        return false;`,
    to: `        this.drain.enterSync('tryWrite', 0, { timeout: 1000 });
        this.own(false);
        return true;`,
    target: 'rw-semaphore: trying does not wait',
  },
  {
    name: 'rw-semaphore: a writer that gives up keeps readers out',
    file: 'sync/rw-semaphore.js',
    from: `        this.retract();
        mutex?.release();`,
    to: '        mutex?.release();',
    target: 'rw-semaphore: read, hasty write',
  },
  {
    name: 'rw-semaphore: a writer that gives up keeps writers out',
    file: 'sync/rw-semaphore.js',
    from: 'mutex?.release();',
    to: '',
    target: 'rw-semaphore: read, hasty write',
  },
  {
    name: 'rw-semaphore: one that goes takes the intent of its other tasks along',
    file: 'sync/rw-semaphore.js',
    from: `        if (claims === 0)
            clearThreadBit`,
    to: '        if (claims >= 0)\n            clearThreadBit',
    target: 'rw-semaphore: await writes, read',
  },
  {
    name: 'recovery of a rw-semaphore: the intent of a dead writer stays',
    file: 'sync/rw-semaphore.js',
    from: 'clearThreadBit(words, offset + INTENT, thread);',
    to: '',
    target: 'rw-semaphore, deaths',
  },
  {
    name: 'recovery of a rw-semaphore: a dead reader stays counted',
    file: 'sync/rw-semaphore.js',
    from: 'Atomics.store(words, offset + READERS + thread, 0);',
    to: '',
    target: 'rw-semaphore, deaths',
  },
  {
    name: 'recovery of a rw-semaphore: those who wait for a dead reader are not woken',
    file: 'sync/rw-semaphore.js',
    from: 'recoverWaiters(words, offset + DRAIN, thread);',
    to: '',
    target: 'rw-semaphore, deaths',
  },
  {
    name: 'recovery of a rw-semaphore: nobody is told that a writer died',
    file: 'sync/rw-semaphore.js',
    from: 'Atomics.store(words, offset + DIED, 1);',
    to: ';',
    target: 'rw-semaphore, deaths',
  },
];
