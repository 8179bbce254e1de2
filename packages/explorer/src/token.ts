/**
 * The token of an execution: who has it runs, alone, and owns all words of `layout.ts`. Handing it over is a store and a
 * notification of the next holder's TOKEN word; everybody else sleeps on their own. Used by explored threads and by the
 * controller, which has the token between executions.
 */
import {
  ABORT,
  ACTIVE,
  DORMANT,
  ENDED,
  LOST,
  OVER,
  PENDING_KIND,
  READY,
  RESULT,
  STATUS,
  THREADS,
  threadRow,
  TOKEN,
} from './layout.js';
import { BEGIN } from './operations.js';
import { add, load, notify, store, sub, wait } from './real-atomics.js';

/** Looks at a word before a thread goes to sleep for the token: a hand-over back is often quick. */
const LOOKS = 200;

/** Hands the token to a thread. A thread that has not begun yet begins with it. */
export function giveToken(words: Int32Array, thread: number): void {
  const row = threadRow(thread);
  if (words[row + STATUS] === READY && words[row + PENDING_KIND] === BEGIN) add(words, ACTIVE, 1);
  setToken(words, thread);
}

/** Wakes the thread that sleeps for the token. The caller has counted it as active. */
export function setToken(words: Int32Array, thread: number): void {
  const at = threadRow(thread) + TOKEN;
  store(words, at, 1);
  notify(words, at);
}

/** Sleeps until the thread has the token, and takes it. The only thing here that is done without the token. */
export function takeToken(words: Int32Array, thread: number): void {
  const at = threadRow(thread) + TOKEN;
  for (let looks = 0; looks < LOOKS; looks++) {
    if (load(words, at) !== 0) {
      words[at] = 0;
      return;
    }
  }
  while (load(words, at) === 0) wait(words, at, 0);
  words[at] = 0;
}

/** Ends the execution with a value of RESULT: threads in the middle of something get the token all at once, to unwind. */
export function endExecution(words: Int32Array, result: number): void {
  if (words[RESULT] === 0) words[RESULT] = result;
  words[ABORT] = 1;
  for (let thread = 0; thread < words[THREADS]; thread++) {
    const row = threadRow(thread);
    const begun = words[row + PENDING_KIND] !== BEGIN;
    if (words[row + STATUS] !== ENDED && words[row + STATUS] !== DORMANT && begun) setToken(words, thread);
  }
  if (load(words, ACTIVE) === 0) tellController(words);
}

/** A thread has unwound, or ended. Any thread may call it, once for each time that it was counted as active. */
export function comeToRest(words: Int32Array): void {
  if (sub(words, ACTIVE, 1) === 1 && load(words, RESULT) !== 0) tellController(words);
}

/** A thread that unwinds has to give up: the controller is told at once. */
export function loseThread(words: Int32Array, thread: number): void {
  store(words, LOST, 1 + thread);
  tellController(words);
}

function tellController(words: Int32Array): void {
  store(words, OVER, 1);
  notify(words, OVER);
}
