/**
 * Steps of one migration: a source card is saved (`save:`), a target card restored from that (`restore:`), their registers,
 * configuration and FIFOs looked at in between. The image and the open data files of the story are kept by session.
 */
import { MIG_GET_PRECOPY_INFO, PCI_REGIONS, PRECOPY_INFO_BYTES, precopyInfo } from '@mediated/vfio/uapi';
import { readToEnd, getState, setState, stateNumber } from './migration-state.js';
import { plainIoctl } from './plain-ioctl.js';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, hex, Skip, type Step } from './step.js';

const ROOM = 4096;
/** Most ports of a card. */
const PORTS = 2;
/** What the program writes into the registers of its source, and then one byte that it reads. */
const SOURCE_REGISTERS: readonly (readonly [register: number, byte: number])[] = [
  [3, 0x9b],
  [0, 0x0c],
  [1, 0x01],
  [3, 0x1b],
  [2, 0xc1],
  [1, 0x05],
  [4, 0x0b],
  [7, 0xa0],
  ...[...Buffer.from('ABCDE')].map((byte) => [0, byte] as const),
];
/** Its first base address register. */
const SOURCE_BAR = Uint32Array.of(0xfebf0000);

/** What a story has at hand. */
export class Story {
  /** Data file of the source, and of the target. */
  readonly files = new Map<string, number>();
  image: Uint8Array = new Uint8Array(0);
  written = 0;
}

const stories = new WeakMap<Session, Story>();

export function storyOf(session: Session): Story {
  let story = stories.get(session);
  if (story === undefined) stories.set(session, (story = new Story()));
  return story;
}

export async function storyStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words, type } = step;
  const role = /^(source|save|target|restore)(?::| registers| FIFO| config)/.exec(words)?.[1];
  if (role === undefined || type === undefined) return undefined;
  const isTarget = role === 'target' || role === 'restore';
  if (/^source registers before/.test(words)) await prepareSource(session, await session.renewed(type));
  const subject = await session.subject(type, isTarget ? 'second' : 'first');
  if (/ registers /.test(words)) return { ret: 0, out: await registers(session, subject) };
  if (/ config /.test(words)) return config(session, subject);
  if (/ FIFO$/.test(words)) return fifo(session, subject, step);
  const story = storyOf(session);
  const what = words.slice(`${role}: `.length);
  const change = /-> (\w+)/.exec(what);
  if (change !== null) return enter(session, subject, role, stateNumber(change[1]), /whole image/.test(what));
  return onDataFile(session, story, role, what);
}

async function prepareSource(session: Session, subject: Subject): Promise<void> {
  const device = await session.device(subject);
  const { program } = session;
  for (let port = 0; port < PORTS; port++) {
    const { offset, size } = await session.region(subject, port);
    if (size === 0) continue;
    for (const [register, byte] of SOURCE_REGISTERS) {
      await program.pwrite(device, Uint8Array.of(byte), offset + register);
    }
    await program.pread(device, 1, offset);
  }
  const { offset } = await session.region(subject, PCI_REGIONS.config);
  await program.pwrite(device, new Uint8Array(SOURCE_BAR.buffer), offset + 0x10);
}

/** Registers 1 to 7 of each port: looking at them changes nothing. */
async function registers(session: Session, subject: Subject): Promise<Record<string, unknown>> {
  const device = await session.device(subject);
  const ports: Record<string, unknown> = {};
  for (let port = 0; port < PORTS; port++) {
    const { offset, size } = await session.region(subject, port);
    if (size === 0) continue;
    const values: Record<string, number> = {};
    for (let register = 1; register < 8; register++) {
      values[`r${register}`] = (await session.program.pread(device, 1, offset + register))[0];
    }
    ports[`port${port}`] = values;
  }
  return ports;
}

async function config(session: Session, subject: Subject): Promise<Answer> {
  const device = await session.device(subject);
  const { offset } = await session.region(subject, PCI_REGIONS.config);
  const bytes = await session.program.pread(device, 64, offset);
  return { ret: bytes.length, out: { hex: hex(bytes) } };
}

/** Reads the receive register as often as is written down, then the line status. */
async function fifo(session: Session, subject: Subject, step: Step): Promise<Answer> {
  const device = await session.device(subject);
  const { offset } = await session.region(subject, step.number('port'));
  const [name = ''] = step.reported.filter((field) => /^rbr\d+$/.test(field));
  const read: number[] = [];
  for (let at = 0; at < Number(name.slice(3)); at++) read.push((await session.program.pread(device, 1, offset))[0]);
  const [status] = await session.program.pread(device, 1, offset + 5);
  return { ret: 0, out: { [name]: hex(Uint8Array.from(read)), lsr_after: status } };
}

async function enter(
  session: Session,
  subject: Subject,
  role: string,
  state: number,
  wholeImage: boolean,
): Promise<Answer> {
  const story = storyOf(session);
  const { ret, data_fd, descriptor } = await setState(session, subject, state);
  if (descriptor !== undefined) {
    story.files.set(role, descriptor);
    if (role === 'restore') story.written = 0;
  }
  if (wholeImage) {
    if (descriptor === undefined) throw new Skip('the recording does not show the data file that the step is about');
    story.image = await readToEnd(session, descriptor);
    return { ret: story.image.length, out: { hex: hex(story.image) } };
  }
  return { ret, out: { data_fd, state: (await getState(session, subject)).state } };
}

async function onDataFile(session: Session, story: Story, role: string, what: string): Promise<Answer | undefined> {
  const { program } = session;
  const file = story.files.get(role);
  if (file === undefined) throw new Skip('the recording does not show the data file that the step is about');
  if (/^PRECOPY_INFO/.test(what)) return precopy(session, file, what);
  if (/^other ioctl/.test(what)) return plainIoctl(program, file, 'unknown ioctl');
  if (what === 'poll') return plainIoctl(program, file, 'poll');
  if (/flags$/.test(what)) throw new Skip(FLAGS);
  if (/^lseek/.test(what)) return { ret: await attempt(() => program.size(file)) };
  if (/^pread/.test(what)) return { ret: await attempt(async () => (await program.pread(file, 1, 0)).length) };
  if (/^pwrite/.test(what)) return { ret: await attempt(() => program.pwrite(file, new Uint8Array(1), 0)) };
  if (/^(write|one byte)/.test(what)) return write(session, story, file, what);
  if (!/^read/.test(what)) return undefined;
  let bytes = new Uint8Array(0);
  const ret = await attempt(async () => {
    bytes = new Uint8Array(await program.read(file, Number(/^read (\d+)/.exec(what)?.[1] ?? ROOM)));
    return bytes.length;
  });
  return { ret, out: { hex: hex(bytes) } };
}

const FLAGS = 'flags of descriptors (fcntl): there are none here';

async function precopy(session: Session, file: number, what: string): Promise<Answer> {
  const { program } = session;
  if (/NULL$/.test(what)) return { ret: await attempt(() => program.ioctl(file, MIG_GET_PRECOPY_INFO, null)) };
  const argsz = Number(/argsz (\d+)/.exec(what)?.[1] ?? PRECOPY_INFO_BYTES);
  const argument = precopyInfo.bytes({ argsz }, ROOM);
  const ret = await attempt(() => program.ioctl(file, MIG_GET_PRECOPY_INFO, argument));
  const { initial_bytes: initial, dirty_bytes: dirty, flags } = precopyInfo.decode(argument);
  return { ret, out: { initial, dirty, flags } };
}

/** So many bytes of the image from where the last write has ended, its rest, or one more than there are. */
async function write(session: Session, story: Story, file: number, what: string): Promise<Answer> {
  const count = /^write (\d+)/.exec(what)?.[1];
  const left = story.image.subarray(story.written);
  const bytes = /rest$/.test(what) ? left : count === undefined ? new Uint8Array(1) : left.subarray(0, Number(count));
  const ret = await attempt(() => session.program.write(file, bytes));
  if (ret > 0) story.written += ret;
  return { ret };
}
