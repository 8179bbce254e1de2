/**
 * Packs arguments and replies into slots and takes them out again. Called by endpoints only.
 * Slot words: 0 header, 1 actor (request) or status (reply), 2 id, 3 inline byte count or port ticket, 4..15 payload.
 * What does not fit in the slot goes over the port between the two threads, posted before the slot is published.
 */
import type { PortMesh } from './ports.js';
import { type Codec, INLINE_WORDS, type PlannedMessage } from './protocol.js';

export const HEADER = 0;
export const TARGET = 1;
export const ID = 2;
export const EXTRA = 3;
export const PAYLOAD = 4;

/** Header bits 0..7: message index; 8: bytes or values are on the port; 16..23 asker's, 24..31 target's incarnation. */
export const ON_PORT = 1 << 8;

/** Views of the segment that packing needs. */
export interface SlotViews {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

/** Views over a segment. */
export function slotViews(segment: SharedArrayBuffer): SlotViews {
  return { words: new Int32Array(segment), bytes: new Uint8Array(segment) };
}

function packNumber(views: SlotViews, at: number, value: number): void {
  // A double may start at an odd word, where no Float64Array reaches it: it goes through two words of scratch.
  SCRATCH_DOUBLE[0] = value;
  views.words[at] = SCRATCH_WORDS[0];
  views.words[at + 1] = SCRATCH_WORDS[1];
}

function unpackNumber(views: SlotViews, at: number): number {
  SCRATCH_WORDS[0] = views.words[at];
  SCRATCH_WORDS[1] = views.words[at + 1];
  return SCRATCH_DOUBLE[0];
}

const SCRATCH_DOUBLE = new Float64Array(1);
const SCRATCH_WORDS = new Int32Array(SCRATCH_DOUBLE.buffer);

/** Writes arguments into the slot at word `at` and returns header flags. May throw `DataCloneError`. */
export function packArguments(
  views: SlotViews,
  at: number,
  message: PlannedMessage,
  args: readonly unknown[],
  ports: PortMesh,
  to: number,
): number {
  const { words } = views;
  let word = at + PAYLOAD;
  if (message.wordsOnly) {
    for (let i = 0; i < args.length; i++) words[word + i] = args[i] as number;
    return 0;
  }
  let rich: unknown[] | undefined;
  for (let i = 0; i < message.args.length; i++) {
    const value = args[i];
    switch (message.args[i].kind) {
      case 'int':
      case 'uint':
        words[word++] = value as number;
        break;
      case 'boolean':
        words[word++] = value ? 1 : 0;
        break;
      case 'number':
        packNumber(views, word, value as number);
        word += 2;
        break;
      case 'bytes': {
        const data = value as Uint8Array;
        if (data.length <= message.inlineBytes) {
          views.bytes.set(data, (at + PAYLOAD + message.fixedWords) * 4);
          words[at + EXTRA] = data.length;
        } else (rich ??= []).push(data);
        break;
      }
      default:
        (rich ??= []).push(value);
    }
  }
  if (rich === undefined) return 0;
  words[at + EXTRA] = ports.post(to, rich);
  return ON_PORT;
}

/** Takes the arguments of a request out of the slot at word `at`. */
export function unpackArguments(
  views: SlotViews,
  at: number,
  message: PlannedMessage,
  ports: PortMesh,
  from: number,
): unknown[] {
  const { words } = views;
  const args: unknown[] = new Array(message.args.length);
  const rich = (words[at + HEADER] & ON_PORT) !== 0 ? (ports.take(from, words[at + EXTRA]) as unknown[]) : undefined;
  let taken = 0;
  let word = at + PAYLOAD;
  for (let i = 0; i < args.length; i++) {
    switch (message.args[i].kind) {
      case 'int':
        args[i] = words[word++];
        break;
      case 'uint':
        args[i] = words[word++] >>> 0;
        break;
      case 'boolean':
        args[i] = words[word++] !== 0;
        break;
      case 'number':
        args[i] = unpackNumber(views, word);
        word += 2;
        break;
      case 'bytes':
        if (rich === undefined) {
          const start = (at + PAYLOAD + message.fixedWords) * 4;
          args[i] = views.bytes.slice(start, start + words[at + EXTRA]);
        } else args[i] = rich[taken++];
        break;
      case 'value':
        args[i] = (rich as unknown[])[taken++];
        break;
      case 'none':
        break;
    }
  }
  return args;
}

/** Writes a reply into the slot at word `at` and returns header flags. May throw `DataCloneError`. */
export function packReply(
  views: SlotViews,
  at: number,
  codec: Codec<unknown>,
  value: unknown,
  ports: PortMesh,
  to: number,
): number {
  const { words } = views;
  switch (codec.kind) {
    case 'int':
    case 'uint':
      words[at + PAYLOAD] = value as number;
      return 0;
    case 'boolean':
      words[at + PAYLOAD] = value ? 1 : 0;
      return 0;
    case 'number':
      packNumber(views, at + PAYLOAD, value as number);
      return 0;
    case 'none':
      return 0;
    case 'bytes': {
      const data = value as Uint8Array;
      if (data.length > INLINE_WORDS * 4) break;
      views.bytes.set(data, (at + PAYLOAD) * 4);
      words[at + EXTRA] = data.length;
      return 0;
    }
  }
  words[at + EXTRA] = ports.post(to, value);
  return ON_PORT;
}

/** Takes a reply out of the slot at word `at`. */
export function unpackReply(
  views: SlotViews,
  at: number,
  codec: Codec<unknown>,
  ports: PortMesh,
  from: number,
): unknown {
  const { words } = views;
  if ((words[at + HEADER] & ON_PORT) !== 0) return ports.take(from, words[at + EXTRA]);
  switch (codec.kind) {
    case 'int':
      return words[at + PAYLOAD];
    case 'uint':
      return words[at + PAYLOAD] >>> 0;
    case 'boolean':
      return words[at + PAYLOAD] !== 0;
    case 'number':
      return unpackNumber(views, at + PAYLOAD);
    case 'bytes':
      return views.bytes.slice((at + PAYLOAD) * 4, (at + PAYLOAD) * 4 + words[at + EXTRA]);
    default:
      return undefined;
  }
}
