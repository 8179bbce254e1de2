/** Mutants of the arena, the tables of UUIDs, numbers and names, and the inbox. */
import type { Mutant } from './mutant.js';

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

export const MEMORY_MUTANTS: readonly Mutant[] = [...MEMORY, ...INBOX];
