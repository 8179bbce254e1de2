/**
 * A machine that is as fast as a socket can be used from JavaScript: it blocks in the calls, and its messages are made
 * once. Told what to do by messages, answers with milliseconds.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  ANSWER_BYTES,
  isAnswer,
  POSTED_BYTES,
  putPosted,
  putRead,
  putVersion,
  READ_BYTES,
  type Register,
  renumber,
} from './messages.js';
import { close, connect, SocketBuffer } from './unix-sockets.js';

/** `workerData` of this worker. */
export interface MachineData {
  readonly path: string;
  /** What is at the path is a served device, and wants a greeting. */
  readonly isDevice: boolean;
  /** Where is read and written. */
  readonly register: Register;
}

/** What the machine is to do. */
export type MachineTask =
  /** So many reads of a byte, always `inFlight` of them under way. */
  | { readonly kind: 'read'; readonly count: number; readonly inFlight: number }
  /** So many posted writes of a byte, and a read behind them; a multiple of {@link POSTED_AT_ONCE}. */
  | { readonly kind: 'post'; readonly count: number }
  | { readonly kind: 'leave' };

/** Posted writes of one send. */
export const POSTED_AT_ONCE = 64;

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
const { path, isDevice, register } = workerData as MachineData;
const socket = connect(path);
const requests = new SocketBuffer(65536);
const answers = new SocketBuffer(65536);

if (isDevice) {
  requests.send(socket, putVersion(requests.view));
  if (answers.receive(socket) < ANSWER_BYTES || !isAnswer(answers.view, 0, 0)) throw new Error('no greeting');
}

/** Sends a read for every answer, until all are answered. Answers may come in pieces. */
function read(count: number, inFlight: number): void {
  for (let at = 0; at < inFlight; at++) putRead(requests.view, at * READ_BYTES, at, register);
  let asked = inFlight;
  let answered = 0;
  /** Bytes that are there of an answer of which the rest is to come. */
  let begun = 0;
  requests.send(socket, inFlight * READ_BYTES);
  while (answered < count) {
    const end = answers.receive(socket);
    if (end === 0) throw new Error('the connection has ended');
    checkAnswers(begun === 0 ? 0 : ANSWER_BYTES - begun, end, begun === 0 ? answered : answered + 1);
    const whole = Math.floor((begun + end) / ANSWER_BYTES);
    begun = (begun + end) % ANSWER_BYTES;
    answered += whole;
    const more = Math.min(whole, count - asked);
    if (more === 0) continue;
    for (let next = 0; next < more; next++) renumber(requests.view, next * READ_BYTES, (asked + next) & 0xffff);
    asked += more;
    requests.send(socket, more * READ_BYTES);
  }
}

/** Answers come in the order of the requests, without errors. Looks at those that are there as a whole. */
function checkAnswers(from: number, end: number, first: number): void {
  for (let at = from, id = first; at + ANSWER_BYTES <= end; at += ANSWER_BYTES, id++) {
    if (!isAnswer(answers.view, at, id & 0xffff)) throw new Error(`answer ${id} is none`);
  }
}

function post(count: number): void {
  for (let at = 0; at < POSTED_AT_ONCE; at++) putPosted(requests.view, at * POSTED_BYTES, at, register, at);
  for (let done = 0; done < count; done += POSTED_AT_ONCE) requests.send(socket, POSTED_AT_ONCE * POSTED_BYTES);
  // They have all arrived when what comes behind them is answered.
  read(1, 1);
}

port.on('message', (task: MachineTask) => {
  if (task.kind === 'leave') {
    close(socket);
    port.close();
    return;
  }
  const start = performance.now();
  if (task.kind === 'read') read(task.count, task.inFlight);
  else post(task.count);
  port.postMessage(performance.now() - start);
});
port.postMessage('attached');
