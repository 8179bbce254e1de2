/** Results of calls, and arguments, as a C program has them. */
import { resultOf } from '../machine.js';

/** 0 or more, or a negative errno. */
export async function attempt(call: () => Promise<number>): Promise<number> {
  try {
    return await call();
  } catch (error) {
    return resultOf(error);
  }
}

/** A number as an argument that points to it. */
export function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
