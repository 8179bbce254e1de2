/**
 * Packs arguments and replies into slots and takes them out again. Called by endpoints only.
 * Slot words: 0 header, 1 seal with the actor (request) or status (reply), 2 id, 3 inline byte count or port ticket, 4..15 payload.
 * What does not fit in the slot goes over the port between the two threads, posted before the slot is published.
 */
import { type Codec, INLINE_WORDS, type PlannedMessage } from './protocol.js';

export const HEADER = 0;
export const ID = 2;
export const EXTRA = 3;
export const PAYLOAD = 4;

/** Header bits 0..7: message index; 8: bytes or values are on the port; 16..23: asker's life, 24..31: target's life. */
export const ON_PORT = 1 << 8;
export const LIVES = 0xffff << 16;

/** The road to one peer for what does not fit into a slot. */
export interface PayloadRoad {
  /** Posts a value and returns the ticket by which the peer takes it. Throws `DataCloneError` for functions etc. */
  post(value: unknown, transfer?: readonly ArrayBuffer[]): number;
  /** Takes what the peer posted. EIO when it is gone with the peer. */
  take(ticket: number): unknown;
}

/** Views of the segment that packing needs. */
export interface SlotViews {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** For numbers and statistics counters. */
  readonly doubles: Float64Array;
}

/** Views over a segment. */
export function slotViews(segment: SharedArrayBuffer): SlotViews {
  return { words: new Int32Array(segment), bytes: new Uint8Array(segment), doubles: new Float64Array(segment) };
}

/** Writes arguments into the slot at word `at` and returns header flags. May throw `DataCloneError`. */
export function packArguments(
  views: SlotViews,
  at: number,
  message: PlannedMessage,
  args: readonly unknown[],
  road: PayloadRoad,
): number {
  const { words } = views;
  const payload = at + PAYLOAD;
  if (message.wordsOnly) {
    const count = message.args.length;
    for (let i = 0; i < count; i++) words[payload + i] = args[i] as number;
    return 0;
  }
  const { places } = message;
  let rich: unknown[] | undefined;
  let transfer: ArrayBuffer[] | undefined;
  for (let i = 0; i < message.args.length; i++) {
    const value = args[i];
    switch (message.args[i].kind) {
      case 'int':
      case 'uint':
        words[payload + places[i]] = value as number;
        break;
      case 'boolean':
        words[payload + places[i]] = value ? 1 : 0;
        break;
      case 'number':
        views.doubles[(payload + places[i]) >> 1] = value as number;
        break;
      case 'bytes': {
        const data = value as Uint8Array;
        if (data.length <= message.inlineBytes) {
          putBytes(views.bytes, (at + PAYLOAD + message.fixedWords) * 4, data);
          words[at + EXTRA] = data.length;
        } else {
          const copy = copyBytes(data);
          (rich ??= []).push(copy);
          transfer = [copy.buffer];
        }
        break;
      }
      case 'value':
        (rich ??= []).push(value);
        break;
      case 'none':
        break;
    }
  }
  if (rich === undefined) return 0;
  words[at + EXTRA] = road.post(rich, transfer);
  return ON_PORT;
}

/** Takes the arguments of a request out of the slot at word `at`. */
export function unpackArguments(views: SlotViews, at: number, message: PlannedMessage, road: PayloadRoad): unknown[] {
  const { args } = message;
  if ((views.words[at + HEADER] & ON_PORT) === 0) return args.map((_, i) => unpackArgument(views, at, message, i));
  const rich = road.take(views.words[at + EXTRA]) as unknown[];
  let taken = 0;
  return args.map(({ kind }, i) =>
    kind === 'bytes' || kind === 'value' ? rich[taken++] : unpackArgument(views, at, message, i),
  );
}

/** Takes one argument out of the slot at word `at`, of a request that has nothing on the port. */
export function unpackArgument(views: SlotViews, at: number, message: PlannedMessage, index: number): unknown {
  const place = at + PAYLOAD + message.places[index];
  switch (message.args[index].kind) {
    case 'int':
      return views.words[place];
    case 'uint':
      return views.words[place] >>> 0;
    case 'boolean':
      return views.words[place] !== 0;
    case 'number':
      return views.doubles[place >> 1];
    case 'bytes':
      return takeBytes(views.bytes, (at + PAYLOAD + message.fixedWords) * 4, views.words[at + EXTRA]);
    default:
      return undefined;
  }
}

/** Writes a reply into the slot at word `at` and returns header flags. May throw `DataCloneError`. */
export function packReply(
  views: SlotViews,
  at: number,
  codec: Codec<unknown>,
  value: unknown,
  road: PayloadRoad,
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
      views.doubles[(at + PAYLOAD) >> 1] = value as number;
      return 0;
    case 'none':
      return 0;
    case 'bytes': {
      const data = value as Uint8Array;
      if (data.length > INLINE_WORDS * 4) {
        const copy = copyBytes(data);
        words[at + EXTRA] = road.post(copy, [copy.buffer]);
        return ON_PORT;
      }
      putBytes(views.bytes, (at + PAYLOAD) * 4, data);
      words[at + EXTRA] = data.length;
      return 0;
    }
  }
  words[at + EXTRA] = road.post(value);
  return ON_PORT;
}

/** Takes a reply out of the slot at word `at`. */
export function unpackReply(views: SlotViews, at: number, codec: Codec<unknown>, road: PayloadRoad): unknown {
  const { words } = views;
  if ((words[at + HEADER] & ON_PORT) !== 0) return road.take(words[at + EXTRA]);
  switch (codec.kind) {
    case 'int':
      return words[at + PAYLOAD];
    case 'uint':
      return words[at + PAYLOAD] >>> 0;
    case 'boolean':
      return words[at + PAYLOAD] !== 0;
    case 'number':
      return views.doubles[(at + PAYLOAD) >> 1];
    case 'bytes':
      return takeBytes(views.bytes, (at + PAYLOAD) * 4, words[at + EXTRA]);
    default:
      return undefined;
  }
}

/** What a message that must wait for room keeps of its arguments: later changes by the caller do not show. */
export function keepArguments(message: PlannedMessage, args: readonly unknown[]): readonly unknown[] {
  return message.wordsOnly ? args : args.map((value, i) => keepValue(message.args[i], value));
}

/** What a reply that must wait for room keeps of its value. May throw `DataCloneError`. */
export function keepValue(codec: Codec<unknown>, value: unknown): unknown {
  if (codec.kind === 'bytes') return copyBytes(value as Uint8Array);
  return codec.kind === 'value' ? structuredClone(value) : value;
}

/** Up to so many bytes a loop is faster than the built-in call: registers are read and written in such pieces. */
const FEW_BYTES = 16;

function putBytes(bytes: Uint8Array, start: number, data: Uint8Array): void {
  if (data.length > FEW_BYTES) bytes.set(data, start);
  else for (let i = 0; i < data.length; i++) bytes[start + i] = data[i];
}

/** A copy with a buffer of its own, never a shared one. */
function takeBytes(bytes: Uint8Array, start: number, length: number): Uint8Array<ArrayBuffer> {
  if (length > FEW_BYTES) return bytes.slice(start, start + length);
  const taken = new Uint8Array(length);
  for (let i = 0; i < length; i++) taken[i] = bytes[start + i];
  return taken;
}

/** A copy with a buffer of its own, so that a view of a large or shared buffer sends its own bytes only. */
function copyBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data);
}
