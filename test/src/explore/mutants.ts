/**
 * Code that is wrong on purpose, for testing the searchers: each mutant is one edit of a built file, which has to match
 * exactly once, so that the list cannot rot, and names a target whose exploration must find it. Called by `main.ts`.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PROTOCOL_MUTANTS } from './protocols-mutants.js';

/** A wrong edit. */
export interface Mutant {
  /** What is wrong. */
  readonly name: string;
  /** The package, `core` if not given; the file below its `dist`, what stands there, and what is put there. */
  readonly package?: 'core' | 'vfio';
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The target that finds it, and how many preemptions that takes, if more than the target is explored with. */
  readonly target: string;
  readonly preemptions?: number;
}

const PACKAGES = new URL('../../../packages/', import.meta.url);

/** Built code with the edit of a mutant. */
export class MutantCode {
  private constructor(
    readonly folder: string,
    readonly original: URL,
  ) {}

  /** Copies the built code and edits it. Throws unless the edit matches exactly once. */
  static async make({ name, package: edited = 'core', file, from, to }: Mutant): Promise<MutantCode> {
    const folder = await mkdtemp(join(tmpdir(), 'mediated-mutant-'));
    const code = new MutantCode(folder, new URL(`${edited}/`, PACKAGES));
    try {
      const original = fileURLToPath(code.original);
      await cp(join(original, 'dist'), join(folder, 'dist'), {
        recursive: true,
        filter: (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path),
      });
      await cp(join(original, 'package.json'), join(folder, 'package.json'));
      await symlink(join(original, 'node_modules'), join(folder, 'node_modules'));
      const path = join(folder, 'dist', file);
      const text = await readFile(path, 'utf8');
      const parts = text.split(from);
      if (parts.length !== 2) throw new Error(`mutant '${name}' matches ${parts.length - 1} places of ${file}`);
      await writeFile(path, parts.join(to));
    } catch (error) {
      await code.remove();
      throw error;
    }
    return code;
  }

  /** What the explorer is to take in place of the real code. */
  get replacements(): { readonly from: string; readonly to: string }[] {
    return [{ from: new URL('dist/', this.original).href, to: pathToFileURL(join(this.folder, 'dist/')).href }];
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const WAIT_QUEUE: readonly Mutant[] = [
  {
    name: 'blocking wait: tries before it notes the wake counter',
    file: 'sync/wait-queue.js',
    from: `            const seen = Atomics.load(words, wake);
            if (contended.attempt(amount, losses))
                return local.endBlocking(contended, false);`,
    to: `            if (contended.attempt(amount, losses))
                return local.endBlocking(contended, false);
            const seen = Atomics.load(words, wake);`,
    target: 'mutex',
  },
  {
    name: 'blocking wait: does not try again before it sleeps',
    file: 'sync/wait-queue.js',
    from: 'if (contended.attempt(amount, losses))',
    to: 'if (losses > 0 && contended.attempt(amount, losses))',
    target: 'mutex',
  },
  {
    name: 'blocking wait: its bit is not set',
    file: 'sync/local-queue.js',
    from: `        this.#blocked = true;
        this.#setBit();`,
    to: '        this.#blocked = true;',
    target: 'mutex',
  },
  {
    name: 'awaiting: tries before it notes the wake counter',
    file: 'sync/local-queue.js',
    from: `            const wait = Atomics.waitAsync(this.words, this.wake, seen);`,
    to: `            const wait = Atomics.waitAsync(this.words, this.wake, Atomics.load(this.words, this.wake));`,
    target: 'mutex, blocked and awaited',
  },
  {
    name: 'awaiting: its bit is not set',
    file: 'sync/local-queue.js',
    from: `        this.#waiters.push(waiter);
        this.#setBit();`,
    to: '        this.#waiters.push(waiter);',
    target: 'mutex, blocked and awaited',
  },
  {
    name: 'awaiting: a task that leaves clears the bit of those behind it',
    file: 'sync/local-queue.js',
    from: 'if (!this.#blocked && !this.hasWaiters) {',
    to: 'if (!this.#blocked) {',
    target: 'mutex, blocked and awaited on one thread',
    preemptions: Number.POSITIVE_INFINITY,
  },
  {
    name: 'a waiter that gives up keeps the wake-up it got',
    file: 'sync/local-queue.js',
    from: `        if (gaveUp)
            this.kick();`,
    to: '',
    target: 'mutex, abort beside a patient waiter',
  },
  {
    name: 'a thread that blocks keeps the wake-ups of its event loop',
    file: 'sync/local-queue.js',
    from: `        this.#setBit();
        passOnBeforeBlocking();`,
    to: '        this.#setBit();',
    target: 'mutex, a listener that blocks',
  },
  {
    name: 'the waker does not count',
    file: 'sync/wait-queue.js',
    from: `        Atomics.add(this.#words, this.#base + WAKE, 1);
        Atomics.notify(this.#words, this.#base + WAKE, count);`,
    to: '        Atomics.notify(this.#words, this.#base + WAKE, count);',
    target: 'mutex',
  },
  {
    name: 'the waker does not notify',
    file: 'sync/wait-queue.js',
    from: 'Atomics.notify(this.#words, this.#base + WAKE, count);',
    to: '',
    target: 'mutex',
  },
  {
    name: 'a dead waiter takes its wake-up along',
    file: 'sync/wait-queue.js',
    from: `        kickWaiters(words, base);
}`,
    to: '        ;\n}',
    target: 'mutex, deaths, 3 threads',
  },
];

const MUTEX: readonly Mutant[] = [
  {
    name: 'mutex: taken without comparing',
    file: 'sync/mutex.js',
    from: 'if (Atomics.compareExchange(words, offset, 0, this.self) !== 0 && !this.takeOfDead())',
    to: 'if (Atomics.load(words, offset) === 0 ? (Atomics.store(words, offset, this.self), false) : !this.takeOfDead())',
    target: 'mutex',
  },
  {
    name: 'mutex: the releaser looks for waiters first',
    file: 'sync/mutex.js',
    from: `        Atomics.store(words, offset, 0);
        // The bitmap is read here and not through the queue, to keep the uncontended path flat.
        if ((Atomics.load(words, offset + QUEUE) | Atomics.load(words, offset + QUEUE + 1)) !== 0)`,
    to: `        const waiting = (Atomics.load(words, offset + QUEUE) | Atomics.load(words, offset + QUEUE + 1)) !== 0;
        Atomics.store(words, offset, 0);
        if (waiting)`,
    target: 'mutex',
  },
  {
    name: 'mutex: the releaser wakes nobody',
    file: 'sync/mutex.js',
    from: 'this.queue.wake(1);',
    to: ';',
    target: 'mutex',
  },
  {
    name: 'mutex: a grant is not taken back from an heir that has left',
    file: 'sync/mutex.js',
    from: 'if (Atomics.load(words, offset + HEIR) !== heir)',
    to: 'if (false)',
    target: 'mutex, heir with a time-out',
  },
  {
    name: 'mutex: an heir that leaves does not look for its grant',
    file: 'sync/mutex.js',
    from: '        Atomics.compareExchange(words, offset, self | GRANTED, 0);\n',
    to: '',
    target: 'mutex, heir with a time-out',
  },
  {
    name: 'mutex: an heir that leaves looks for its grant first',
    file: 'sync/mutex.js',
    from: 'if (Atomics.compareExchange(words, offset + HEIR, self, 0) !== self)',
    to:
      'if (Atomics.compareExchange(words, offset, self | GRANTED, 0) === -1 || ' +
      'Atomics.compareExchange(words, offset + HEIR, self, 0) !== self || self > 0)',
    target: 'mutex, heir with a time-out',
  },
  {
    name: 'mutex: a grant wakes one waiter, not all',
    file: 'sync/mutex.js',
    from: 'this.queue.wakeAll();',
    to: 'this.queue.wake(1);',
    target: 'mutex, two heirs',
  },
  {
    name: 'mutex: the owner that has inherited stays the heir',
    file: 'sync/mutex.js',
    from: 'if (Atomics.load(words, offset + HEIR) === self)',
    to: 'if (false)',
    target: 'mutex, heir',
  },
  {
    name: 'mutex: a guard releases twice',
    file: 'sync/lock.js',
    from: '        this.#lock = undefined;\n',
    to: '',
    target: 'mutex, guards',
  },
  {
    name: 'mutex: released without being held',
    file: 'sync/mutex.js',
    from: 'if (words[offset] !== this.self)',
    to: 'if (false)',
    target: 'mutex, guards',
  },
  {
    name: 'recovery: the next owner is not told of a death',
    file: 'sync/mutex-words.js',
    from: 'passOn ? OWNER_DEAD : 0',
    to: '0',
    target: 'mutex, deaths',
  },
  {
    name: 'recovery: what a dead owner held stays held',
    file: 'sync/mutex-words.js',
    from: 'Atomics.store(words, offset + STATE, passOn ? OWNER_DEAD : 0);',
    to: '',
    target: 'mutex, deaths',
  },
  {
    name: 'recovery: what a dead owner has granted to an heir that had left stays granted',
    file: 'sync/mutex-words.js',
    from: '    takeBackGrant(words, offset);\n',
    to: '',
    target: 'mutex, hasty heirs die, everywhere',
  },
  {
    name: 'recovery: a dead heir stays the heir',
    file: 'sync/mutex-words.js',
    from: 'Atomics.compareExchange(words, offset + HEIR, owner, 0);',
    to: '',
    target: 'mutex, heirs die',
  },
];

const READERS: readonly Mutant[] = [
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

const OTHERS: readonly Mutant[] = [
  {
    name: 'srcu: a grace period does not flip',
    file: 'sync/srcu.js',
    from: 'return Atomics.add(this.words, this.offset + EPOCH, 1) & 1;',
    to: 'return (Atomics.load(this.words, this.offset + EPOCH) + 1) & 1;',
    target: 'srcu',
  },
  {
    name: 'srcu: a grace period does not wait for late sections of the idle bank',
    file: 'sync/srcu.js',
    from: "this.drain.enterSync('synchronizeSync', this.idleBank, restOf(options, started));",
    to: '',
    target: 'srcu, 2 updaters',
  },
  {
    name: 'srcu: a grace period does not wait for the bank in use',
    file: 'sync/srcu.js',
    from: "this.drain.enterSync('synchronizeSync', used, restOf(options, started));",
    to: '',
    target: 'srcu',
  },
  {
    name: 'srcu: an awaited grace period does not wait for the bank in use',
    file: 'sync/srcu.js',
    from: "await this.drain.enter('synchronize', used, restOf(options, started));",
    to: '',
    target: 'srcu, awaited',
  },
  {
    name: 'srcu: the last reader does not wake the updater',
    file: 'sync/srcu.js',
    from: `        Atomics.sub(this.words, index, 1);
        this.drain.left();`,
    to: '        Atomics.sub(this.words, index, 1);',
    target: 'srcu',
  },
  {
    name: 'recovery of srcu: the section of a dead reader goes on',
    file: 'sync/srcu.js',
    from: 'Atomics.store(words, offset + COUNTERS + thread * BANKS, 0);',
    to: '',
    target: 'srcu, deaths',
  },
  {
    name: 'recovery of srcu: those who wait for a dead reader are not woken',
    file: 'sync/srcu.js',
    from: 'recoverWaiters(words, offset + DRAIN, thread);',
    to: '',
    target: 'srcu, deaths',
  },
  {
    name: 'completion: completed without comparing',
    file: 'sync/completion.js',
    from: 'const previous = Atomics.compareExchange(this.words, index, count, count + 1);',
    to: 'const previous = (Atomics.store(this.words, index, count + 1), count);',
    target: 'completion, 2 waiters',
  },
  {
    name: 'completion: consumed without comparing',
    file: 'sync/completion.js',
    from: 'const previous = Atomics.compareExchange(this.words, index, count, count - 1);',
    to: 'const previous = (Atomics.store(this.words, index, count - 1), count);',
    target: 'completion, 2 waiters',
  },
  {
    name: 'completion: completing wakes nobody',
    file: 'sync/completion.js',
    from: 'this.queue.wake(1);',
    to: ';',
    target: 'completion',
  },
  {
    name: 'completion: completing all wakes one',
    file: 'sync/completion.js',
    from: 'this.queue.wakeAll();',
    to: 'this.queue.wake(1);',
    target: 'completion of all',
  },
  {
    name: 'semaphore: releasing wakes nobody',
    file: 'sync/semaphore.js',
    from: 'this.queue.wake(count);',
    to: ';',
    target: 'semaphore',
  },
  {
    name: 'semaphore: a waiter for several permits does not say so',
    file: 'sync/semaphore.js',
    from: 'Atomics.store(this.words, this.offset + BULK, 1);',
    to: ';',
    target: 'semaphore, a waiter for two before one for one',
  },
  {
    name: 'ledger: taken without comparing',
    file: 'sync/ledger.js',
    from: 'const previous = Atomics.compareExchange(words, offset, value, value - amount);',
    to: 'const previous = (Atomics.store(words, offset, value - amount), value);',
    target: 'semaphore',
  },
  {
    name: 'ledger: given back without adding',
    file: 'sync/ledger.js',
    from: '    Atomics.add(words, offset, amount);\n',
    to: '    Atomics.store(words, offset, Atomics.load(words, offset) + amount);\n',
    target: 'semaphore, several permits',
  },
  {
    name: "ledger: a dead thread's share is given back twice",
    file: 'sync/ledger.js',
    from: 'Atomics.store(words, column + SHARE, 0);',
    to: ';',
    target: 'semaphore, deaths',
  },
  {
    name: "ledger: a dead thread's share is lost",
    file: 'sync/ledger.js',
    from: 'Atomics.sub(words, offset, sign * (share - forgiven));',
    to: ';',
    target: 'semaphore, deaths',
  },
  {
    name: 'ledger: an operation that a death cut off is not audited',
    file: 'sync/ledger.js',
    from: 'Atomics.store(words, offset + UNSETTLED, 1);',
    to: ';',
    target: 'semaphore, deaths',
  },
  {
    name: 'ledger: an audit does not look whether anything has changed meanwhile',
    file: 'sync/ledger.js',
    from: 'return Atomics.compareExchange(words, offset, value, sum) === value;',
    to: 'return Atomics.store(words, offset, sum) === sum;',
    target: 'semaphore, deaths',
    preemptions: 2,
  },
  {
    name: 'reference count: the last put does not notify',
    file: 'sync/ref-count.js',
    from: `        Atomics.notify(words, offset);
        return true;`,
    to: '        return true;',
    target: 'reference count',
  },
  {
    name: 'reference count: got from zero',
    file: 'sync/ref-count.js',
    from: 'value > 0 && value < LARGEST_VALUE;',
    to: 'value >= 0 && value < LARGEST_VALUE;',
    target: 'reference count',
  },
  {
    name: 'reference count: got without comparing',
    file: 'sync/ref-count.js',
    from: 'const previous = Atomics.compareExchange(words, offset, value, value + 1);',
    to: 'const previous = (Atomics.store(words, offset, value + 1), value);',
    target: 'reference count',
  },
  {
    name: 'tracked reference count: got without comparing',
    file: 'sync/ledger.js',
    from: 'const previous = Atomics.compareExchange(words, offset, value, value + 1);',
    to: 'const previous = (Atomics.store(words, offset, value + 1), value);',
    target: 'tracked reference count',
  },
  {
    name: 'recovery of a reference count: a death between the last put and its notification leaves sleepers',
    file: 'sync/ref-count.js',
    from: '    recoverRefCount(words, offset);\n',
    to: '',
    target: 'tracked reference count, deaths',
  },
  {
    name: 'lock space: a place is claimed without comparing',
    file: 'sync/lock-space.js',
    from: 'const found = Atomics.compareExchange(words, top, 0, header);',
    to: 'const found = Atomics.load(words, top);\n            if (found === 0) Atomics.store(words, top, header);',
    target: 'lock space',
  },
  {
    name: 'lock space: a freed place is claimed without comparing',
    file: 'sync/lock-space.js',
    from: 'if (found === free && Atomics.compareExchange(words, at, free, header) === free) {',
    to: 'if (found === free && Atomics.store(words, at, header) === header) {',
    target: 'lock space',
  },
  {
    name: 'lock space: only the claimant moves the top',
    file: 'sync/lock-space.js',
    from: 'Atomics.compareExchange(words, TOP, top, top + ((found === 0 ? header : found) >>> KIND_BITS));',
    to: 'if (found === 0) Atomics.compareExchange(words, TOP, top, top + (header >>> KIND_BITS));',
    target: 'lock space, deaths',
  },
];

const MEMORY: readonly Mutant[] = [
  {
    name: 'arena: a chunk is claimed without comparing',
    file: 'memory/arena.js',
    from: 'if (Atomics.compareExchange(this.words, CHUNK_OWNERS + chunk, 0, this.thread + 1) !== 0)',
    to: 'if (Atomics.store(this.words, CHUNK_OWNERS + chunk, this.thread + 1) === 0)',
    target: 'arena',
  },
  {
    name: 'arena: fresh slots of a dead thread are lost',
    file: 'memory/arena.js',
    from: 'const holder = owner === 0 ? this.#chunkOwner(index) : owner;',
    to: 'const holder = owner;',
    target: 'arena, deaths',
  },
  {
    name: 'arena: a pinned slot is given out again',
    file: 'memory/arena.js',
    from: 'pinned.includes(link) ? COOLING : READY',
    to: 'READY',
    target: 'UUID table, few slots, one enters',
  },
  {
    name: 'UUID table: entered without comparing',
    file: 'memory/uuid-table.js',
    from: 'inserted = Atomics.compareExchange(this.#heads, chain, this.#first, index + 1) === this.#first;',
    to: 'inserted = Atomics.store(this.#heads, chain, index + 1) === index + 1;',
    target: 'UUID table',
  },
  {
    name: 'UUID table: entered without looking for an equal entry',
    file: 'memory/uuid-table.js',
    from: 'while (!inserted && this.#walk(chain, true, u0, u1, u2, u3) < 0) {',
    to: 'while (!inserted) {\n            this.#walk(chain, true, u0, u1, u2, u3);',
    target: 'UUID table',
  },
  {
    name: 'UUID table: removed without a mark',
    file: 'memory/uuid-table.js',
    from: 'Atomics.or(words, at + this.#next, REMOVED) >= 0',
    to: 'Atomics.load(words, at + this.#next) >= 0',
    target: 'UUID table',
  },
  {
    name: 'UUID table: a removed entry is not unlinked',
    file: 'memory/uuid-table.js',
    from: '        this.#walk(this.#chain(u0, u1, u2, u3), false, u0, u1, u2, u3);\n',
    to: '',
    target: 'UUID table, few slots',
  },
  {
    name: 'UUID table: unlinked without comparing',
    file: 'memory/uuid-table.js',
    from: 'if (Atomics.compareExchange(before, beforeAt, link, next & LINK) !== link)',
    to: 'if (Atomics.store(before, beforeAt, next & LINK) === -1)',
    target: 'UUID table',
  },
  {
    name: 'UUID table: a link is not read again after its entry was pinned',
    file: 'memory/uuid-table.js',
    from: `                if (Atomics.load(before, beforeAt) !== link)
                    return LOST;`,
    to: '',
    target: 'UUID table, few slots, one enters',
  },
  {
    name: 'numbers: taken without comparing',
    file: 'memory/id-allocator.js',
    from: 'if (Atomics.compareExchange(words, OWNERS + at, owners, owners | (owner << shift)) !== owners)',
    to: 'if (Atomics.store(words, OWNERS + at, owners | (owner << shift)) === owners)',
    target: 'numbers',
  },
  {
    name: 'numbers: who raises the hint does not look at what it has passed over',
    file: 'memory/id-allocator.js',
    from: 'if (freeByte(Atomics.load(words, OWNERS + at)) >= 0)',
    to: 'if (false)',
    target: 'numbers',
  },
  {
    name: 'numbers: giving one back does not lower the hint',
    file: 'memory/id-allocator.js',
    from: `        Atomics.and(this.#words, OWNERS + at, ~(BYTE << shift));
        this.#lower(at);`,
    to: '        Atomics.and(this.#words, OWNERS + at, ~(BYTE << shift));',
    target: 'numbers',
  },
  {
    name: 'numbers: those of a dead thread are lost',
    file: 'memory/id-allocator.js',
    from: 'if (((owners >>> shift) & BYTE) === thread + 1)',
    to: 'if (false)',
    target: 'numbers, deaths',
  },
  {
    name: 'names: published without comparing',
    file: 'memory/name-table.js',
    from: 'Atomics.compareExchange(this.#log, free, 0, this.#own + 1);',
    to: 'Atomics.store(this.#log, free, this.#own + 1);',
    target: 'names',
  },
  {
    name: 'names: a published text is written to again',
    file: 'memory/name-table.js',
    from: `            if (link - 1 === this.#own)
                this.#own = MAX_THREADS + id;`,
    to: '',
    target: 'names',
  },
];

const INBOX: readonly Mutant[] = [
  {
    name: 'inbox: does not look again before it sleeps',
    file: 'actor/pump.js',
    from: 'if (this.#target.isReady() && Atomics.compareExchange(this.#words, parked, 1, 0) === 1)',
    to: 'if (false)',
    target: 'inbox',
  },
  {
    name: 'inbox: looks before it says that it sleeps',
    file: 'actor/pump.js',
    from: `        Atomics.store(this.#words, parked, 1);
        if (this.#target.isReady() && Atomics.compareExchange(this.#words, parked, 1, 0) === 1)`,
    to: `        const ready = this.#target.isReady();
        Atomics.store(this.#words, parked, 1);
        if (ready && Atomics.compareExchange(this.#words, parked, 1, 0) === 1)`,
    target: 'inbox',
  },
  {
    name: 'inbox: who rings does not notify',
    file: 'actor/segment.js',
    from: `        Atomics.notify(words, parked);
    }
}
/**
 * Marks`,
    to: `    }
}
/**
 * Marks`,
    target: 'inbox',
  },
  {
    name: 'inbox: the seal does not alternate',
    file: 'actor/ring.js',
    from: 'return ((position >>> LAP_BITS) & 1) ^ 1;',
    to: 'return 1;',
    target: 'full ring',
  },
  {
    name: 'inbox: a starving sender does not look again',
    file: 'actor/ring.js',
    from: 'return this.claim() === -1;',
    to: 'return true;',
    target: 'full ring',
  },
  {
    name: 'inbox: room is given back after looking for a starving sender',
    file: 'actor/ring.js',
    from: `        Atomics.store(this.#words, this.#base + RING_HEAD, this.#head);
        return (Atomics.load(this.#words, this.#base + RING_STARVED) === 1 &&
            Atomics.compareExchange(this.#words, this.#base + RING_STARVED, 1, 0) === 1);`,
    to: `        const starved = Atomics.load(this.#words, this.#base + RING_STARVED) === 1 &&
            Atomics.compareExchange(this.#words, this.#base + RING_STARVED, 1, 0) === 1;
        Atomics.store(this.#words, this.#base + RING_HEAD, this.#head);
        return starved;`,
    target: 'full ring',
  },
];

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  ...WAIT_QUEUE,
  ...MUTEX,
  ...READERS,
  ...OTHERS,
  ...MEMORY,
  ...INBOX,
  ...PROTOCOL_MUTANTS,
];
