/** Mutants of the wait queue and the mutex. */
import type { Mutant } from './mutant.js';

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

export const MUTEX_MUTANTS: readonly Mutant[] = [...WAIT_QUEUE, ...MUTEX];
