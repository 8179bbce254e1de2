/**
 * The memory that the controller and all explored threads of an exploration share: the words of `layout.ts`, under the
 * owner rule that stands there, and what belongs to them. Made by the controller, once per exploration.
 */
import { CONTROL_WORDS, MAX_THREADS } from './layout.js';

/** Bytes of a cell: dependence of steps is looked at cell by cell. */
export const CELL_BYTES = 4;

/** Milliseconds without a sign of a thread after which it counts as lost. */
export const PATIENCE = 20_000;

/** Bytes for the text of an error. */
export const ERROR_BYTES = 1 << 14;

/**
 * What all threads of an exploration share, besides the memory that is explored.
 *
 * Of each cell (4 bytes) of explored memory it is known which threads have touched it in any execution so far: `marks`, a
 * bit per thread that read it and, eight bits higher, that changed it. As long as only one thread does, or nobody changes
 * it, the cell is cold, and a step on it is no point to switch threads at: it commutes with everything. A cell that turns
 * hot stays hot; the search then begins anew.
 */
export interface ControlMemory {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly marks: Uint16Array<SharedArrayBuffer>;
  /** 1 for each hot cell. */
  readonly hot: Uint8Array<SharedArrayBuffer>;
  /** The first cell of each explored memory. */
  readonly firstCells: readonly number[];
  /** Virtual time of each thread, in milliseconds since the execution began, and when its sleep or timer ends. */
  readonly clocks: Float64Array<SharedArrayBuffer>;
  readonly error: Uint8Array<SharedArrayBuffer>;
}

/** Index of the end of a thread's sleep in `clocks`. */
export function deadlineOf(thread: number): number {
  return MAX_THREADS + thread;
}

/** Reserves the memory of an exploration; pages are supplied as they are used. */
export function createControlMemory(explored: readonly SharedArrayBuffer[]): ControlMemory {
  const firstCells: number[] = [];
  let cells = 0;
  for (const { byteLength } of explored) {
    firstCells.push(cells);
    cells += Math.ceil(byteLength / CELL_BYTES);
  }
  return {
    marks: new Uint16Array(new SharedArrayBuffer(cells * 2)),
    hot: new Uint8Array(new SharedArrayBuffer(cells)),
    firstCells,
    words: new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4)),
    clocks: new Float64Array(new SharedArrayBuffer(2 * MAX_THREADS * 8)),
    error: new Uint8Array(new SharedArrayBuffer(ERROR_BYTES)),
  };
}
