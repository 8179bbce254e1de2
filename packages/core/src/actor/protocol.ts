/**
 * Message protocols: what may be asked of or told to an actor, as types and as a plan for packing it into a slot.
 * Declared once per actor with `defineProtocol`; refs and handlers take their types from it, so that a wrong message
 * does not compile.
 */

/** How one argument or reply travels. `T` is its type in handlers and refs. */
export interface Codec<T> {
  readonly kind: 'int' | 'uint' | 'number' | 'boolean' | 'bytes' | 'value' | 'none';
  /** Never present at run time; carries the type. */
  readonly type?: T;
}

/** A signed 32-bit integer; travels in the slot. */
export const int: Codec<number> = { kind: 'int' };
/** An unsigned 32-bit integer; travels in the slot. */
export const uint: Codec<number> = { kind: 'uint' };
/** Any JavaScript number; travels in the slot (8 bytes). */
export const number: Codec<number> = { kind: 'number' };
/** A boolean; travels in the slot. */
export const boolean: Codec<boolean> = { kind: 'boolean' };
/** A byte string: in the slot when it fits (up to 48 bytes less the other arguments), else copied over the port. */
export const bytes: Codec<Uint8Array> = { kind: 'bytes' };
/** No value. */
export const none: Codec<void> = { kind: 'none' };
/** Any structured-cloneable value, `SharedArrayBuffer`s included; travels over the port between the two threads. */
export function value<T>(): Codec<T> {
  return { kind: 'value' };
}

/** The types that a tuple of codecs carries. */
export type TypesOf<C extends readonly Codec<unknown>[]> = { [I in keyof C]: C[I] extends Codec<infer T> ? T : never };

/** One message of a protocol. */
export interface Message<Args extends readonly unknown[] = readonly unknown[], Reply = unknown> {
  readonly form: 'ask' | 'tell';
  readonly args: readonly Codec<unknown>[];
  readonly reply: Codec<Reply>;
  /** Never present at run time; carries the types. */
  readonly types?: { args: Args; reply: Reply };
}

/** A message with a reply. */
export function ask<const C extends readonly Codec<unknown>[], R>(
  args: C,
  reply: Codec<R>,
): Message<TypesOf<C>, R> & { readonly form: 'ask' } {
  return { form: 'ask', args, reply };
}

/** A message without a reply. */
export function tell<const C extends readonly Codec<unknown>[]>(
  args: C,
): Message<TypesOf<C>, void> & { readonly form: 'tell' } {
  return { form: 'tell', args, reply: none };
}

/** The messages of an actor by name. */
export type MessageMap = { readonly [name: string]: Message };

/** A message with its place in the protocol and its plan; what endpoints work with. */
export interface PlannedMessage extends Message {
  readonly name: string;
  readonly index: number;
  /** Every argument is an int: packed and unpacked without an array. */
  readonly wordsOnly: boolean;
  /** Word of the slot's payload at which each fixed-size argument begins: numbers first, since a double lies at an even one. */
  readonly places: readonly number[];
  /** Words that the fixed-size arguments take in the slot; bytes come behind them. */
  readonly fixedWords: number;
  /** Longest byte string that travels in the slot; -1 when a `value` argument sends all bytes over the port. */
  readonly inlineBytes: number;
}

/** A declared protocol. Messages are numbered in the order of declaration; at most 256. */
export interface Protocol<M extends MessageMap = MessageMap> {
  readonly messages: readonly PlannedMessage[];
  readonly byName: { readonly [K in keyof M]: PlannedMessage };
  /** Never present at run time; carries the types. */
  readonly types?: M;
}

/** Arguments of message `K`. */
export type ArgsOf<M extends MessageMap, K extends keyof M> = M[K] extends Message<infer A, unknown> ? A : never;
/** Reply of message `K`. */
export type ReplyOf<M extends MessageMap, K extends keyof M> =
  M[K] extends Message<readonly unknown[], infer R> ? R : never;
/** Names of the asks of a protocol. */
export type AskNames<M extends MessageMap> = {
  [K in keyof M]: M[K] extends { readonly form: 'ask' } ? K : never;
}[keyof M] &
  string;
/** Names of the tells of a protocol. */
export type TellNames<M extends MessageMap> = {
  [K in keyof M]: M[K] extends { readonly form: 'tell' } ? K : never;
}[keyof M] &
  string;

/** Words of a slot left for arguments or a reply. */
export const INLINE_WORDS = 12;

const FIXED_WORDS = { int: 1, uint: 1, boolean: 1, number: 2, bytes: 0, value: 0, none: 0 } as const;

function placesOf(codecs: readonly Codec<unknown>[]): number[] {
  let ofNumbers = 0;
  let ofOthers = FIXED_WORDS.number * codecs.filter((codec) => codec.kind === 'number').length;
  return codecs.map(({ kind }) => {
    const place = kind === 'number' ? ofNumbers : ofOthers;
    if (kind === 'number') ofNumbers += FIXED_WORDS.number;
    else ofOthers += FIXED_WORDS[kind];
    return place;
  });
}

/**
 * Declares a protocol. Throws a `RangeError` when a message has more than 12 words of fixed-size arguments or more than
 * one `bytes` argument, or when there are more than 256 messages.
 */
export function defineProtocol<const M extends MessageMap>(messages: M): Protocol<M> {
  const planned = Object.entries(messages).map(([name, message], index): PlannedMessage => {
    const codecs = message.args as readonly Codec<unknown>[];
    const fixedWords = codecs.reduce((words, codec) => words + FIXED_WORDS[codec.kind], 0);
    if (fixedWords > INLINE_WORDS) throw new RangeError(`message ${name}: ${fixedWords} words of arguments, 12 fit`);
    if (codecs.filter((codec) => codec.kind === 'bytes').length > 1) {
      throw new RangeError(`message ${name}: at most one argument may be bytes`);
    }
    return {
      form: message.form,
      args: codecs,
      reply: message.reply,
      name,
      index,
      places: placesOf(codecs),
      fixedWords,
      inlineBytes: codecs.some((codec) => codec.kind === 'value') ? -1 : (INLINE_WORDS - fixedWords) * 4,
      wordsOnly: codecs.every((codec) => codec.kind === 'int'),
    };
  });
  if (planned.length > 256) throw new RangeError(`${planned.length} messages in one protocol, 256 fit`);
  const byName = Object.fromEntries(planned.map((message) => [message.name, message]));
  return { messages: planned, byName: byName as Protocol<M>['byName'] };
}
