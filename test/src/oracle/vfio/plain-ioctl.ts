/** What a program asks any file for, to see that it is refused: foreign commands, read, write, mmap, poll. */
import type { Descriptors } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { attempt } from './attempt.js';
import type { Answer } from './step.js';

/** Of the commands of terminals. */
const TCGETS = 0x5401;
/** First character of vfio's commands. */
const VFIO = 0x3b00;
const PAGE = 4096;

/** `what` are the words behind the file's name; undefined when they mean none of this. */
export async function plainIoctl(program: Descriptors, descriptor: number, what: string): Promise<Answer | undefined> {
  const command = foreignCommand(what);
  if (command !== undefined) {
    return { ret: await attempt(() => program.ioctl(descriptor, command, new Uint8Array(PAGE))) };
  }
  switch (what) {
    case 'read':
      return { ret: await attempt(async () => (await program.read(descriptor, 8)).length) };
    case 'write':
      return { ret: await attempt(() => program.write(descriptor, new Uint8Array(8))) };
    case 'mmap':
      return { ret: await attempt(() => program.mmap(descriptor, PAGE, 0).then(() => 0)) };
    case 'poll':
      return { ret: 1, out: { revents: program.poll(descriptor) } };
    default:
      return undefined;
  }
}

/** The number of a command of which the words say no more: that of another file, one that nobody has, a bare number. */
function foreignCommand(what: string): number | undefined {
  if (what === 'TCGETS') return TCGETS;
  const name = /^VFIO_(\w+)$/.exec(what)?.[1];
  if (name !== undefined) return (uapi as Readonly<Record<string, unknown>>)[name] as number | undefined;
  const bare = /^ioctl (\d+)$/.exec(what)?.[1];
  if (bare !== undefined) return Number(bare);
  const unknown = /^unknown ioctl(?: '(.)'\+(\d+))?$/.exec(what);
  if (unknown === null) return undefined;
  const [, character, number] = unknown;
  return character === undefined ? VFIO + 255 : character.charCodeAt(0) * 256 + Number(number);
}
