/** Scenarios of `@mediated/core/memory`: the arena, the UUID table, the allocator of numbers, the table of names. */
import type * as Memory from '@mediated/core/memory';
import type * as Ids from '../../../packages/core/dist/memory/id-allocator.js';
import type { World } from '@mediated/explorer';
import { demand, openYard } from './yard.fixture.js';

const SLOT_WORDS = 8;
const UUID = 2;
const NEXT = 6;
/** UUIDs by their first word: the first two are in one chain of two, the third in the other. */
const STAYS = 2;
const COMES = 1;
const ELSEWHERE = 0;

interface Setting {
  readonly threads: number;
  readonly rounds: number;
  readonly capacity: number;
}

function settingOf(world: World): Setting {
  const { threads = 2, rounds = 2, capacity = 64 } = world.parameters as Partial<Setting>;
  return { threads, rounds, capacity };
}

function memoryOf(world: World): Promise<typeof Memory> {
  return world.import<typeof Memory>('@mediated/core/memory');
}

function notes(world: World): Int32Array {
  return world.share('notes', () => new Int32Array(new SharedArrayBuffer(1024)));
}

/** Threads that take slots and give them back; a slot never has two holders. */
export async function arena(world: World): Promise<void> {
  const { Arena } = await memoryOf(world);
  const { threads, rounds, capacity } = settingOf(world);
  const handle = world.share('arena', () => Arena.create({ capacity, slotWords: SLOT_WORDS, thread: 0 }).handle);
  const held = notes(world);
  for (let thread = 0; thread < threads; thread++) {
    world.start(`taker ${thread}`, () => {
      const own = Arena.from(handle, { thread });
      for (let round = 0; round < rounds; round++) {
        const index = own.allocate();
        if (index < 0) continue;
        demand(Atomics.add(held, index, 1) === 0, `slot ${index} has two holders`);
        demand(own.isCurrent(index, own.generation(index)), `slot ${index} is held and not live`);
        Atomics.sub(held, index, 1);
        own.free(index);
      }
    });
  }
  world.whenKilled((dead) => {
    const own = Arena.from(handle, { thread: threads });
    for (const index of own.slotsOf(dead)) {
      Atomics.store(held, index, 0);
      own.free(index);
    }
    own.rebuildFreeList(dead);
  });
  world.afterwards(() => {
    const own = Arena.from(handle, { thread: 7 });
    demand(own.liveCount() === 0, `${own.liveCount()} slots are left live`);
    // Nothing is lost: whoever takes over the lists of all threads can have every slot.
    for (let thread = 0; thread <= threads; thread++) own.rebuildFreeList(thread, 7);
    const all = new Set<number>();
    for (let index = own.allocate(); index >= 0; index = own.allocate()) all.add(index);
    demand(all.size === capacity, `${all.size} of ${capacity} slots can be taken`);
  });
}

/**
 * Threads that enter a UUID, each with a slot of its own, and take it out again; with `parameters.looks` one looks up an
 * entry that stays. With `parameters.scarce` a slot is used again at once, for a UUID of another chain.
 */
export async function uuids(world: World): Promise<void> {
  const { Arena, UuidTable } = await memoryOf(world);
  const { threads, rounds } = settingOf(world);
  const looks = world.parameters.looks === true;
  const scarce = world.parameters.scarce === true;
  const { handle, table } = world.share('table', () => {
    const capacity = scarce ? threads + 1 : 32 * (threads + 1);
    const own = Arena.create({ capacity, slotWords: SLOT_WORDS, thread: 7 });
    const made = UuidTable.create({ arena: own, uuidOffset: UUID, nextOffset: NEXT, heads: 2 });
    // Another entry in the chain.
    const index = own.allocate();
    own.words.set([STAYS, 0, 0, 0], own.base(index) + UUID);
    made.insertIfAbsent(index);
    if (scarce) {
      const slots = Array.from({ length: threads }, () => own.allocate());
      for (const [thread, slot] of slots.entries()) Arena.from(own.handle, { thread }).free(slot);
    }
    return { handle: own.handle, table: made.handle };
  });
  const held = notes(world);
  for (let thread = 0; thread < threads; thread++) {
    world.start(`enters ${thread}`, () => {
      const own = Arena.from(handle, { thread });
      const entries = UuidTable.from(table, own);
      for (let round = 0; round < rounds; round++) {
        const index = own.allocate();
        // A slot that somebody looks at is not given out.
        if (index < 0 && scarce) continue;
        demand(index >= 0, 'no slot is left');
        const number = scarce && round % 2 === 1 ? ELSEWHERE : COMES;
        own.words.set([number, 0, 0, 0], own.base(index) + UUID);
        if (entries.insertIfAbsent(index)) {
          demand(Atomics.add(held, number, 1) === 0, 'one UUID has two holders');
          const found = entries.lookup(number, 0, 0, 0);
          demand(found === index, `entered as slot ${index}, found as ${found}`);
          Atomics.sub(held, number, 1);
          demand(entries.remove(index), 'an entry was removed by somebody else');
        }
        own.free(index);
      }
    });
  }
  if (looks) {
    world.start('looks', () => {
      const own = Arena.from(handle, { thread: threads });
      const entries = UuidTable.from(table, own);
      for (let round = 0; round < rounds; round++) {
        demand(entries.lookup(STAYS, 0, 0, 0) >= 0, 'an entry that was there all the time is not found');
      }
    });
  }
  world.whenKilled((dead) => {
    const own = Arena.from(handle, { thread: 6 });
    const entries = UuidTable.from(table, own);
    for (const index of own.slotsOf(dead)) {
      // What the dead thread has noted goes before the UUID is free.
      if (Atomics.load(held, COMES) === 1 && entries.lookup(COMES, 0, 0, 0) === index) Atomics.store(held, COMES, 0);
      entries.remove(index);
      own.free(index);
    }
    own.rebuildFreeList(dead);
  });
  world.afterwards(() => {
    const own = Arena.from(handle, { thread: 6 });
    const entries = UuidTable.from(table, own);
    demand(
      entries.lookup(COMES, 0, 0, 0) === -1 && entries.lookup(ELSEWHERE, 0, 0, 0) === -1,
      'the UUID is still taken',
    );
    demand(entries.lookup(STAYS, 0, 0, 0) >= 0, 'an entry that nobody removed is gone');
    demand(entries.count() === 1, `${entries.count()} entries are left`);
    demand(own.liveCount() === 1, `${own.liveCount()} slots are left live`);
  });
}

/** Threads that take and give back numbers, of which the first 31 are taken. */
export async function numbers(world: World): Promise<void> {
  const { IdAllocator } = await world.import<typeof Ids>('../../../packages/core/dist/memory/id-allocator.js');
  const { sync } = await openYard(world);
  const { threads, rounds } = settingOf(world);
  const handle = world.share('numbers', () => {
    const own = IdAllocator.create(64);
    for (let id = 0; id < 31; id++) own.reserve(id);
    return own.handle;
  });
  const held = notes(world);
  const deaths = () => Atomics.load(held, 200) !== 0;
  for (let thread = 0; thread < threads; thread++) {
    world.start(`taker ${thread}`, () => {
      demand(sync.currentThread() === thread, 'an explored thread has the id of another');
      const own = IdAllocator.from(handle);
      for (let round = 0; round < rounds; round++) {
        const id = own.allocate();
        demand(id >= 31 && id < 31 + threads, `${id} is not among the lowest that can be free`);
        const before = Atomics.add(held, id, 1);
        // A dead thread notes no more that it has given up.
        demand(before === 0 || deaths(), `number ${id} has two holders`);
        Atomics.sub(held, id, 1);
        own.free(id);
      }
    });
  }
  world.whenKilled((dead) => {
    Atomics.store(held, 200, 1);
    IdAllocator.from(handle).recover(dead);
  });
  world.afterwards(() => {
    const own = IdAllocator.from(handle);
    const taken = Array.from({ length: 33 }, () => own.allocate());
    demand(
      taken.every((id, at) => id === 31 + at),
      `the free numbers are given out as ${taken}`,
    );
    demand(own.allocate() === -1, 'more numbers than there are');
  });
}

/** Threads that intern the same names in different orders. */
export async function names(world: World): Promise<void> {
  const { NameTable } = await memoryOf(world);
  const { threads } = settingOf(world);
  const handle = world.share('names', () => NameTable.create({ capacity: 8, thread: 7 }).handle);
  const ids = notes(world);
  for (let thread = 0; thread < threads; thread++) {
    world.start(`namer ${thread}`, () => {
      const table = NameTable.from(handle, { thread });
      const order = thread % 2 === 0 ? ['left', 'right'] : ['right', 'left'];
      for (const name of order) {
        const id = table.intern(name);
        demand(table.name(id) === name, `${id} is the id of ${name} and of ${table.name(id)}`);
        // Everybody notes the same id for the same name.
        const at = name === 'left' ? 0 : 1;
        const noted = Atomics.compareExchange(ids, at, 0, id + 1);
        demand(noted === 0 || noted === id + 1, `${name} has the ids ${noted - 1} and ${id}`);
      }
    });
  }
  world.whenKilled((dead) => {
    // The next thread with that id goes on with what is the dead one's own.
    NameTable.from(handle, { thread: dead }).intern('late');
  });
  world.afterwards(() => {
    const table = NameTable.from(handle, { thread: 7 });
    const found = [0, 1, 2, 3].map((id) => table.name(id)).filter((name) => name !== undefined);
    demand(new Set(found).size === found.length, `names are in twice: ${found}`);
  });
}
