/**
 * Functions that one thread calls by itself, each beside what a program without this package would use: UUID text, a
 * device looked up by its UUID, the number of a name.
 */
import { Arena, formatUuid, NameTable, parseUuid, UUID_WORDS, UuidTable } from '@mediated/core/memory';
import { Bench } from 'tinybench';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';

const MILLISECONDS = 100;
/** Calls per timed call: a clock reading costs more than one. */
const CALLS = 1000;
/** Words of a slot: two that are the arena's, the UUID, the link. */
const UUID_AT = 2;
const NEXT_AT = UUID_AT + UUID_WORDS;

/** Nanoseconds per call; `call` is told the number of the call, from 0 to 999. */
async function time(name: string, call: (index: number) => void): Promise<number> {
  const bench = new Bench({ time: MILLISECONDS, warmup: false }).add(name, () => {
    for (let index = 0; index < CALLS; index++) call(index);
  });
  const [{ result }] = await bench.run();
  if (result.state !== 'completed') throw new Error(`${name} did not run to its end`);
  return (result.latency.p50 * 1e6) / CALLS;
}

export const part: Part = async ({ rounds }) => {
  const uuids: string[] = Array.from({ length: CALLS }, () => crypto.randomUUID());
  const words = new Int32Array(CALLS * UUID_WORDS);
  uuids.forEach((uuid, index) => {
    parseUuid(uuid, words, index * UUID_WORDS);
  });
  const arena = Arena.create({ capacity: 2 * CALLS, slotWords: 16 });
  const table = UuidTable.create({ arena, uuidOffset: UUID_AT, nextOffset: NEXT_AT });
  for (let index = 0; index < CALLS; index++) {
    const slot = arena.allocate();
    arena.words.set(words.subarray(index * UUID_WORDS, (index + 1) * UUID_WORDS), arena.base(slot) + UUID_AT);
    if (!table.insertIfAbsent(slot)) throw new Error('a random UUID came twice');
  }
  const map = new Map(uuids.map((uuid, index) => [uuid, index]));
  const names = NameTable.create({ capacity: CALLS });
  const numbers = new Map(uuids.map((uuid) => [uuid, names.intern(uuid)]));
  const bytes = Buffer.alloc(16);
  const into = new Int32Array(UUID_WORDS);
  /** What a call computes goes here, so that it is not left out. */
  let sink = 0;
  const calls: readonly (readonly [name: string, call: (index: number) => void])[] = [
    ['parseUuid', (index) => (sink += Number(parseUuid(uuids[index], into, 0)))],
    ['Buffer.write of the digits', (index) => (sink += bytes.write(uuids[index].replaceAll('-', ''), 'hex'))],
    ['formatUuid', (index) => (sink += formatUuid(words, index * UUID_WORDS).length)],
    ['crypto.randomUUID, which formats too', () => (sink += crypto.randomUUID().length)],
    [
      'UuidTable.lookup',
      (index) => {
        const at = index * UUID_WORDS;
        sink += table.lookup(words[at], words[at + 1], words[at + 2], words[at + 3]);
      },
    ],
    ['Map.get of the text', (index) => (sink += map.get(uuids[index]) ?? 0)],
    ['NameTable.intern of a known name', (index) => (sink += names.intern(uuids[index]))],
    ['Map.get of the name', (index) => (sink += numbers.get(uuids[index]) ?? 0)],
  ];
  const readings = await alternate(
    calls.map(([name, call]) => ({ name, measure: () => time(name, call) })),
    rounds,
  );
  const [parse, write, , , lookup, get, intern, number] = readings;
  if (!Number.isFinite(sink)) throw new Error('a call gave no number');
  return {
    figures: {
      parse_uuid_vs_buffer: ratios(parse, write),
      uuid_lookup_vs_map: ratios(lookup, get),
      intern_vs_map: ratios(intern, number),
    },
    readings: calls.map(([name], index) => ({ name, unit: 'ns', values: readings[index] })),
    notes: [],
  };
};
