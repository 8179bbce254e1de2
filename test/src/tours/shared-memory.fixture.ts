/** Records that all threads share, found by a UUID: shown in docs/packages/core.md. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { once } from 'node:events';
import { Arena, formatUuid, NameTable, parseUuid, SLOT_PAYLOAD, UUID_WORDS, UuidTable } from '@mediated/core/memory';
import { currentThread, ThreadTable } from '@mediated/core/sync';

// A record: its UUID, the word that links it in the table, and the number of a name.
const LINK = SLOT_PAYLOAD + UUID_WORDS;
const NAME = LINK + 1;
const layout = { uuidOffset: SLOT_PAYLOAD, nextOffset: LINK };
const wanted = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

if (isMainThread) {
  const arena = Arena.create({ capacity: 1024, slotWords: 16 });
  const table = UuidTable.create({ arena, ...layout });
  const names = NameTable.create();
  const data = { arena: arena.handle, table: table.handle, names: names.handle };
  const workers = ['left', 'right'].map((name) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...data, name } });
    ThreadTable.current().watch(worker); // gives its number back when it ends
    return once(worker, 'exit');
  });
  await Promise.all(workers);

  const words = new Int32Array(UUID_WORDS);
  parseUuid(wanted, words, 0);
  const index = table.lookup(words[0], words[1], words[2], words[3]);
  console.log(formatUuid(arena.words, arena.base(index) + SLOT_PAYLOAD), 'exists', table.count(), 'time');
  console.log('by one of two:', ['left', 'right'].includes(names.name(arena.words[arena.base(index) + NAME]) ?? ''));
} else {
  const thread = currentThread();
  const arena = Arena.from(workerData.arena, { thread });
  const table = UuidTable.from(workerData.table, arena);
  const index = arena.allocate();
  parseUuid(wanted, arena.words, arena.base(index) + SLOT_PAYLOAD);
  arena.words[arena.base(index) + NAME] = NameTable.from(workerData.names, { thread }).intern(workerData.name);
  if (!table.insertIfAbsent(index)) arena.free(index); // the other thread was first
}
