/**
 * The worker that plays one explored thread, execution after execution. It stays blocked between them, so it hears of
 * their beginning, and of its own end, by its token.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { ControlMemory } from './control-memory.js';
import { ExploredThread } from './explored-thread.js';
import { CLEANING, EXPLAIN } from './layout.js';
import { patchAtomics } from './patched-atomics.js';
import { patchExit } from './patched-exit.js';
import { patchTime } from './patched-time.js';
import { declare } from './subject.js';
import { takeToken } from './token.js';
import { unwind } from './unwind.js';
import { Declarations, type Subject } from './world.js';

/** What a worker is started with. */
export interface ThreadStart {
  readonly subject: Subject;
  readonly index: number;
  readonly memory: ControlMemory;
  readonly shared: Map<string, unknown>;
  readonly buffers: readonly SharedArrayBuffer[];
}

process.setSourceMapsEnabled(true);
const { subject, index, memory, shared, buffers } = workerData as ThreadStart;
const thread = new ExploredThread(index, memory, buffers);
patchAtomics(thread);
patchTime(thread);
patchExit(thread);
const declarations = new Declarations(subject, index, shared, (body) => thread.quietly(body));
await declare(subject, declarations);
const declared = declarations.all[index];
if (declared === undefined) throw new Error('it declares fewer threads there than in the controller');
const after = () => {
  for (const check of declarations.ends) check();
};
// From here on: what is thrown before that is the worker's own error, and ends it.
process.on('unhandledRejection', (reason) => {
  if (reason !== unwind && !thread.unwinding) thread.fail(reason);
});
// What an event listener throws comes here, an unwinding too.
process.on('uncaughtException', (error) => {
  if (error !== unwind && !thread.unwinding) thread.fail(error);
});
parentPort?.postMessage('ready');

for (;;) {
  takeToken(memory.words, index);
  if (memory.words[CLEANING] !== 0) {
    await thread.cleanUp();
    continue;
  }
  const explained = memory.words[EXPLAIN] !== 0;
  await thread.play(declared.run, after);
  if (explained) parentPort?.postMessage(thread.positions);
}
