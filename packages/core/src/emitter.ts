/** Typed event emitters: Node's `EventEmitter` with the event types that `typed-emitter` adds. */
import { EventEmitter } from 'node:events';
import type TypedEmitter from 'typed-emitter';

/** An emitter of the events `E`, each a function type. */
export type Emitter<E extends TypedEmitter.EventMap> = TypedEmitter.default<E>;

export function createEmitter<E extends TypedEmitter.EventMap>(): Emitter<E> {
  return new EventEmitter() as unknown as Emitter<E>;
}
