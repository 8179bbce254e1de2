/** Steps that map a device's memory, and what a program stores there between them. */
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Answer, Step } from './step.js';

const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** What the program stores into the mapping, at which byte, before its step says so. */
const STORES: readonly (readonly [at: number, word: number])[] = [
  [0, 0x11223344],
  [4, 0x55667788],
  [0x2000, 0xcafebabe],
];

/** The mapping that the program keeps: the largest that it may write. */
const kept = new WeakMap<Session, DataView>();

export async function mappingStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words, note } = step;
  if (/after mmap stores/.test(note)) store(session);
  if (words === 'munmap') {
    kept.delete(session);
    return { ret: 0 };
  }
  if (/^mmap words\b/.test(words)) return { ret: 0, out: wordsAt(session, step) };
  if (words !== 'mmap' || step.type === undefined) return undefined;
  const device = await session.device(await session.subject(step.type));
  const access = {
    write: (step.number('prot') & PROT_WRITE) !== 0,
    shared: (step.number('flags') & MAP_SHARED) !== 0,
  };
  let out: Record<string, number> = {};
  const ret = await attempt(async () => {
    const memory = await session.program.mmap(device, step.number('len'), step.number('offset'), access);
    const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    out = { first_u32: view.getUint32(0, true), last_u32: view.getUint32(view.byteLength - 4, true) };
    if (access.write && view.byteLength >= (kept.get(session)?.byteLength ?? 0)) kept.set(session, view);
    return 0;
  });
  return { ret, out };
}

function store(session: Session): void {
  for (const [at, word] of STORES) kept.get(session)?.setUint32(at, word, true);
}

/** `w` and a number: the word of that index if it is one digit, else the word at that byte, in hex. */
function wordsAt(session: Session, step: Step): Record<string, number | undefined> {
  const names = step.reported.filter((name) => /^w[\da-f]+$/.test(name));
  const byteOf = (name: string) => (name.length === 2 ? 4 * Number(name[1]) : Number.parseInt(name.slice(1), 16));
  return Object.fromEntries(names.map((name) => [name, kept.get(session)?.getUint32(byteOf(name), true)]));
}
