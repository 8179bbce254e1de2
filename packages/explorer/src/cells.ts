/**
 * Which cells of explored memory are worth a switch of threads: see `ControlMemory`. Asked by a thread before each of its
 * steps; the marks and the heat of cells are written with the token.
 */
import { STEP_CHOICES } from './choices.js';
import { CELL_BYTES, type ControlMemory } from './control-memory.js';
import { ALL_HOT, ALONE, COLD_STEPS, NEWLY_HOT, STEP, STEP_LIMIT, TURN_LIMIT } from './layout.js';

/** Steps on cold cells that a thread may make in a row. */
const COLD_LIMIT = 2000;
/** Place of the bits of threads that have changed a cell. */
const MARK_CHANGES = 8;

/** True if a step on these bytes is a point to switch threads at. Marks that the thread touches them. */
export function isHot(
  memory: ControlMemory,
  thread: number,
  changes: boolean,
  buffer: number,
  offset: number,
  length: number,
): boolean {
  const { words } = memory;
  if (words[ALL_HOT] !== 0) return true;
  const base = memory.firstCells[buffer] as number;
  let hot = false;
  for (let cell = Math.floor(offset / CELL_BYTES); cell * CELL_BYTES < offset + length; cell++) {
    const at = base + cell;
    if (memory.hot[at] !== 0) {
      hot = true;
      continue;
    }
    const marks = memory.marks[at] | (1 << thread) | (changes ? 1 << (MARK_CHANGES + thread) : 0);
    memory.marks[at] = marks;
    const changers = marks >>> MARK_CHANGES;
    const all = (marks | changers) & STEP_CHOICES;
    if (changers === 0 || (all & (all - 1)) === 0) continue;
    memory.hot[at] = 1;
    words[NEWLY_HOT] = 1;
    hot = true;
  }
  // A thread that spins on something that nobody has changed yet must let the others come to that.
  if (words[COLD_STEPS] >= COLD_LIMIT) words[ALONE] = words[TURN_LIMIT];
  words[COLD_STEPS] = hot || words[COLD_STEPS] >= COLD_LIMIT ? 0 : words[COLD_STEPS] + 1;
  return words[COLD_STEPS] === 0 || words[STEP] >= words[STEP_LIMIT];
}
