/** What a call on another thread has come to: its errors stay whole across the boundary. Cloneable when the value is. */
import { fromWire, toWire, type WireError } from '../errors.js';

export type Outcome<T> = { readonly value: T } | { readonly error: WireError };

/** Runs something for another thread. Never rejects. */
export async function outcomeOf<T>(run: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: toWire(error) };
  }
}

/** The value; throws the error. */
export function resultOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw fromWire(outcome.error);
  return outcome.value;
}
