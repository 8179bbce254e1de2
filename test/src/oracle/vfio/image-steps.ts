/** Steps that restore a device from an image that was changed, in one write or byte by byte. */
import { isMediatedError } from '@mediated/core';
import { MIGRATION_STATES } from '@mediated/vfio/uapi';
import { getState, setState } from './migration-state.js';
import { storyOf } from './migration-story.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, Skip, type Step } from './step.js';

/** Fields of an mtty's image: where they lie, and how many bytes they have. */
const FIELDS: Readonly<Record<string, readonly [at: number, bytes: number]>> = {
  'magic byte': [0, 1],
  'major version': [8, 4],
  'minor version': [12, 4],
  nr_ports: [16, 4],
  flags: [20, 4],
  'FIFO count': [50, 1],
};
const HEADER_BYTES = 24;

export async function imageStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words, type } = step;
  if (!/^restore (corrupted image|into the other type)/.test(words) || type === undefined) return undefined;
  const { image } = storyOf(session);
  if (image.length === 0) throw new Skip('the recording does not show where the image comes from');
  const subject = await session.renewed(step.text('target') ?? type, 'second');
  const { descriptor = -1 } = await setState(session, subject, MIGRATION_STATES.resuming);
  const changed = change(image, step.text('what') ?? 'unchanged');
  const write = await writeImage(session, descriptor, changed, step.text('bytes_per_write') ?? 'all');
  return finish(session, subject, write);
}

async function finish(session: Session, subject: Subject, write: number | string): Promise<Answer> {
  const { ret } = await setState(session, subject, MIGRATION_STATES.running);
  return { ret, out: { write, state: (await getState(session, subject)).state } };
}

/** What the last write gave, with the byte at which it failed if there were several. */
async function writeImage(
  session: Session,
  descriptor: number,
  image: Uint8Array,
  each: string,
): Promise<number | string> {
  const step = each === 'all' ? image.length : Number(each);
  let last: number | string = 0;
  for (let at = 0; at < image.length; at += step) {
    try {
      last = await session.program.write(descriptor, image.subarray(at, at + step));
    } catch (error) {
      if (!isMediatedError(error)) throw error;
      return each === 'all' ? error.code : `${error.code} at byte ${at}`;
    }
  }
  return last;
}

/** `what` was done to it: a field set (`flags 1`) or counted up (`nr_ports + 1`), an end cut off or put on. */
function change(image: Uint8Array, what: string): Uint8Array {
  if (/^unchanged/.test(what)) return image;
  if (/^header only/.test(what)) return image.slice(0, HEADER_BYTES);
  if (/^truncated by one byte/.test(what)) return image.slice(0, -1);
  if (/^one byte too many/.test(what)) return new Uint8Array(Buffer.concat([image, Uint8Array.of(0)]));
  const [, name = what, sign, number] = /^(.*?)(?: (\+ )?(\d+))?$/.exec(what) ?? [];
  const field = FIELDS[name];
  if (field === undefined) throw new Skip(`not covered: an image with another ${name}`);
  const [at, bytes] = field;
  const changed = Buffer.from(image);
  const before = changed.readUIntLE(at, bytes);
  const after = number === undefined ? before ^ 0xff : sign === undefined ? Number(number) : before + Number(number);
  changed.writeUIntLE(after, at, bytes);
  return new Uint8Array(changed);
}
