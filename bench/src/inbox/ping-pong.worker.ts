/**
 * One side of a bare ping-pong over two words: the least that two threads need to answer each other. Side 0 stores a
 * number in word 0 and spins until word 1 has it, side 1 the other way round. Told how often, answers with nanoseconds
 * per round. Each side writes its own word only; the words lie on different cache lines.
 */
import { parentPort, workerData } from 'node:worker_threads';

/** `workerData` of this worker. */
export interface PingPongData {
  readonly words: SharedArrayBuffer;
  readonly side: 0 | 1;
}

const LINE = 32;

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const { words: buffer, side } = workerData as PingPongData;
const words = new Int32Array(buffer);
let last = 0;

function ask(until: number): void {
  for (let round = last + 1; round <= until; round++) {
    Atomics.store(words, 0, round);
    while (Atomics.load(words, LINE) !== round);
  }
}

function answer(until: number): void {
  for (let round = last + 1; round <= until; round++) {
    while (Atomics.load(words, 0) !== round);
    Atomics.store(words, LINE, round);
  }
}

port.on('message', (rounds: number) => {
  const start = performance.now();
  if (side === 0) ask(last + rounds);
  else answer(last + rounds);
  last += rounds;
  port.postMessage(((performance.now() - start) * 1e6) / rounds);
});
