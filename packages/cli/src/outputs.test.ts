/** What happens when stdout or stderr fails. */
import { EventEmitter } from 'node:events';
import { watchOutputs } from '#dist/outputs.js';
import { expect, test } from 'vitest';

function watched() {
  const [stdout, stderr] = [new EventEmitter(), new EventEmitter()];
  const statuses: number[] = [];
  const told: string[] = [];
  const outputs = watchOutputs(
    { stdout, stderr },
    (status) => statuses.push(status),
    (sentence) => told.push(sentence),
  );
  return { stdout, stderr, statuses, told, outputs };
}

const failure = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });

test('nothing is asked to end while all can be written', () => {
  const { outputs } = watched();
  expect([outputs.signal.aborted, outputs.status]).toEqual([false, undefined]);
});

test('a reader that has seen enough ends the command, without a word and with 0', () => {
  const { stdout, statuses, told, outputs } = watched();
  stdout.emit('error', failure('EPIPE'));
  expect([outputs.signal.aborted, outputs.status, statuses, told]).toEqual([true, 0, [0], []]);
});

test('a full disk ends the command with 1 and one sentence, however much is printed afterwards', () => {
  const { stdout, statuses, told, outputs } = watched();
  for (const code of ['ENOSPC', 'EPIPE', 'ENOSPC']) stdout.emit('error', failure(code));
  const sentence = 'what it prints cannot be written: ENOSPC: it failed';
  expect([outputs.signal.aborted, outputs.status, statuses, told]).toEqual([true, 1, [1], [sentence]]);
});

test('a command goes on when nobody hears its complaints', () => {
  const { stderr, outputs } = watched();
  stderr.emit('error', failure('EPIPE'));
  expect([outputs.signal.aborted, outputs.status]).toEqual([false, undefined]);
});
