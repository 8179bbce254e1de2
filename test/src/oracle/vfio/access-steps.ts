/** Steps that read and write a device's file, at a region and an offset, or at positions that the words name. */
import { PCI_REGIONS } from '@mediated/vfio/uapi';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, hex, Skip, type Step } from './step.js';

export const EMPTY =
  'regions without bytes: mtty lets a program read kernel memory behind its ports; here there is nothing';
export const BEHIND = 'bytes behind the end of a region: mtty gives what lies there in kernel memory, here zeros';
const UNSAID = 'the recording does not say what was read or written, or where';
/** Register of the first BAR in configuration space. */
const FIRST_BAR = 0x10;
const FAR = 'positions from 2^53 on: a position is a number here';

export async function accessStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (step.type === undefined || !/^(pread|pwrite|read\(|config |lseek)/.test(words)) return undefined;
  const subject = await session.subject(step.type);
  const device = await session.device(subject);
  const { program } = session;
  if (/^lseek/.test(words)) return { ret: await attempt(() => program.size(device)) };
  const stream = /^read\((\d+)\)/.exec(words)?.[1];
  if (stream !== undefined) return read(() => program.read(device, Number(stream)));
  const all = /^config .*\((\d+)\)$/.exec(words)?.[1];
  if (all !== undefined) return readByByte(session, subject, device, Number(all));
  if (/end of a mapping/.test(words)) throw new Skip(UNSAID);
  if (/NULL buffer|buffer .*ends after \d+/.test(words)) return shortOf(session, subject, device, step);
  const at = await positionOf(session, subject, step);
  const length = step.number('len', 1);
  if (/^pwrite/.test(words)) {
    const bytes = step.has('data') ? step.bytes('data') : new Uint8Array(length);
    return { ret: await attempt(() => program.pwrite(device, bytes, at.position)) };
  }
  const answer = await read(() => program.pread(device, length, at.position));
  if (at.empty) return { ...answer, differs: { ret: EMPTY, data: EMPTY } };
  return at.inside >= length ? answer : { ...answer, upTo: { data: { bytes: at.inside, reason: BEHIND } } };
}

/** Four bytes of configuration space, through one of a device's files. */
export async function readConfigWord(session: Session, subject: Subject, device: number): Promise<Answer> {
  const { offset } = await session.region(subject, PCI_REGIONS.config);
  let value = 0;
  const ret = await attempt(async () => {
    const bytes = await session.program.pread(device, 4, offset);
    value = Buffer.from(bytes).readUInt32LE();
    return bytes.length;
  });
  return { ret, out: { v: value } };
}

async function read(call: () => Promise<Uint8Array>): Promise<Answer> {
  let data = '';
  const ret = await attempt(async () => {
    const bytes = await call();
    data = hex(bytes);
    return bytes.length;
  });
  return { ret, out: { data } };
}

async function readByByte(session: Session, subject: Subject, device: number, count: number): Promise<Answer> {
  const { offset } = await session.region(subject, PCI_REGIONS.config);
  const bytes: Uint8Array[] = [];
  for (let at = 0; at < count; at++) bytes.push(await session.program.pread(device, 1, offset + at));
  const data = Buffer.concat(bytes);
  return { ret: data.length, out: { data: hex(data) } };
}

/** An access whose buffer ends early, or is none: the words say how many bytes of which register of configuration space. */
async function shortOf(session: Session, subject: Subject, device: number, { words }: Step): Promise<Answer> {
  const { program } = session;
  const length = Number(/(\d+) bytes/.exec(words)?.[1] ?? 1);
  const room = Number(/ends after (\d+)/.exec(words)?.[1] ?? 0);
  const memory = new Uint8Array(room);
  const address = room === 0 ? 0n : program.place(memory);
  const bar = /\bBAR(\d)/.exec(words)?.[1];
  const { offset } = await session.region(subject, PCI_REGIONS.config);
  const position = offset + (bar === undefined ? 0 : FIRST_BAR + 4 * Number(bar));
  if (/^pread/.test(words)) {
    const ret = await attempt(() => program.preadInto(device, address, length, position));
    return { ret, out: { data: hex(memory) } };
  }
  const before = /\(([\da-f]+) before\)/.exec(words)?.[1];
  if (before !== undefined) {
    const bytes = Buffer.concat([Buffer.from(before, 'hex'), Buffer.from(before, 'hex')]);
    await program.pwrite(device, bytes.subarray(0, length), position);
  }
  const ret = await attempt(() => program.pwriteFrom(device, address, length, position));
  const after = Buffer.from(await program.pread(device, 4, position)).readUInt32LE();
  return { ret, out: { [`bar${bar}_after`]: after.toString(16).padStart(8, '0') } };
}

/** Where a step reads or writes, and how many bytes of that are inside a region that says how large it is. */
async function positionOf(
  session: Session,
  subject: Subject,
  step: Step,
): Promise<{ position: number; inside: number; empty: boolean }> {
  const { words } = step;
  const shift = /(\d+)<<(\d+)/.exec(words);
  if (shift !== null && Number(shift[2]) >= 53) throw new Skip(FAR);
  const bare = /offset (-?\d+)$/.exec(words)?.[1];
  if (bare !== undefined) return { position: Number(bare), inside: Infinity, empty: false };
  if (/\bfar$/.test(words)) return { position: 2 ** 40, inside: Infinity, empty: false };
  const index = step.number('region', Number(/region index (\d+)/.exec(words)?.[1] ?? 0));
  const { offset, size } = await session.region(subject, index);
  const within = step.number('offset');
  const inside = index === PCI_REGIONS.config && size > 0 ? size - within : Infinity;
  return { position: offset + within, inside, empty: step.has('region') && size === 0 };
}
