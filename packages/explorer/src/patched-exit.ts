/**
 * Makes `process.exit` of the code under test a failure of its execution: the worker is needed for the next one. Called
 * once per worker, before the code under test is imported.
 */
import type { ExploredThread } from './explored-thread.js';
import { unwind } from './unwind.js';

/** Replaces `process.exit` of this worker. */
export function patchExit(thread: ExploredThread): void {
  const exit = process.exit;
  process.exit = (code) => {
    if (!thread.running) return exit(code);
    if (!thread.unwinding) thread.fail(new Error(`process.exit(${code ?? ''}) was called`));
    throw unwind;
  };
}
