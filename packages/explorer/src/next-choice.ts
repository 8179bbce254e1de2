/**
 * Which of the possible choices is made: what the plan says; after its end, whoever is on turn goes on, or priorities
 * decide. Asked by the scheduler, with the token.
 */
import { KILL, STEP_CHOICES, TIME, TIME_CHOICES } from './choices.js';
import { type ControlMemory, deadlineOf } from './control-memory.js';
import {
  ALONE,
  BY_PRIORITY,
  CHANGE_POINTS,
  KILL_STEP,
  KILL_VICTIM,
  LAST,
  LENIENT,
  LOWEST_PRIORITY,
  MAX_CHANGE_POINTS,
  MAX_THREADS,
  PASSED_OVER,
  PLAN,
  PLAN_LENGTH,
  PRIORITIES,
  REDUNDANT_AT,
  SLEEP,
  STEP,
  THREADS,
  TURN_LIMIT,
} from './layout.js';

/** The choice to make now, one of `enabled`; -1 if the plan names one that is not possible. */
export function nextChoice(memory: ControlMemory, enabled: number): number {
  const { words } = memory;
  const step = words[STEP];
  while (words[PASSED_OVER] + step < words[PLAN_LENGTH]) {
    const planned = words[PLAN + words[PASSED_OVER] + step];
    if ((enabled & (1 << planned)) !== 0) return planned;
    if (words[LENIENT] === 0) return -1;
    words[PASSED_OVER]++;
  }
  if (words[BY_PRIORITY] !== 0) return byPriority(words, step, enabled);
  return goOn(memory, step, enabled);
}

/** The last thread, as long as it can; then the next one; time passes only when nobody can do anything. */
function goOn(memory: ControlMemory, step: number, enabled: number): number {
  const { words } = memory;
  const awake = enabled & ~words[SLEEP];
  let candidates = awake & STEP_CHOICES;
  const turnOver = words[ALONE] >= words[TURN_LIMIT] && candidates === 1 << words[LAST];
  // A thread that waits in a loop for somebody who sleeps shows nothing new either.
  if ((candidates === 0 && (awake & TIME_CHOICES) === 0) || (turnOver && (enabled & STEP_CHOICES) !== candidates)) {
    if (words[REDUNDANT_AT] < 0) words[REDUNDANT_AT] = step;
    candidates = enabled & STEP_CHOICES;
  }
  if (candidates !== 0) {
    const last = words[LAST];
    if (last >= 0 && (candidates & (1 << last)) !== 0) {
      const others = candidates & ~(1 << last);
      if (others === 0 || words[ALONE] < words[TURN_LIMIT]) return last;
      candidates = others;
    }
    for (let distance = 1; distance <= MAX_THREADS; distance++) {
      const thread = (last + distance) & (MAX_THREADS - 1);
      if ((candidates & (1 << thread)) !== 0) return thread;
    }
  }
  return TIME + earliest(memory, (awake & TIME_CHOICES) !== 0 ? awake : enabled);
}

/** Of the threads for which time may pass, the one whose sleep or timer has the shortest rest. */
function earliest({ words, clocks }: ControlMemory, choices: number): number {
  let found = -1;
  for (let thread = 0; thread < words[THREADS]; thread++) {
    if ((choices & (1 << (TIME + thread))) === 0) continue;
    const rest = clocks[deadlineOf(thread)] - clocks[thread];
    if (found < 0 || rest < clocks[deadlineOf(found)] - clocks[found]) found = thread;
  }
  return found;
}

/** The possible choice of the highest priority; at change points whoever is on turn falls behind all others. */
function byPriority(words: Int32Array, step: number, enabled: number): number {
  const victim = KILL + words[KILL_VICTIM];
  if (step >= words[KILL_STEP] && words[KILL_VICTIM] >= 0 && (enabled & (1 << victim)) !== 0) return victim;
  const candidates = enabled & (STEP_CHOICES | TIME_CHOICES);
  let best = highest(words, candidates);
  const turnOver = words[ALONE] >= words[TURN_LIMIT];
  for (let point = 0; point <= MAX_CHANGE_POINTS; point++) {
    const planned = words[CHANGE_POINTS + point];
    if (point === MAX_CHANGE_POINTS ? !turnOver : planned < 0 || planned > step) continue;
    if (point < MAX_CHANGE_POINTS) words[CHANGE_POINTS + point] = -1;
    words[PRIORITIES + best] = --words[LOWEST_PRIORITY];
    best = highest(words, candidates);
  }
  return best;
}

function highest(words: Int32Array, candidates: number): number {
  let best = -1;
  for (let choice = 0; choice < 3 * MAX_THREADS; choice++) {
    if ((candidates & (1 << choice)) === 0) continue;
    if (best < 0 || words[PRIORITIES + choice] > words[PRIORITIES + best]) best = choice;
  }
  return best;
}
