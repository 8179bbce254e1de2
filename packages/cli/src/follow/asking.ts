/** What the commands that talk to a running instance have in common. Main thread. */
import { ControlError } from '../control/control-error.js';
import type { Stage } from '../stage.js';

/** Exit statuses. */
const DONE = 0;
const REFUSED = 1;

/**
 * Runs a command; what an instance refuses is told in one sentence and makes the exit status 1. `run` may answer another
 * status than 0.
 */
export async function asking({ errors }: Stage, run: () => Promise<number | undefined>): Promise<number> {
  try {
    return (await run()) ?? DONE;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    errors.write(`mediated: ${error.message}\n`);
    return REFUSED;
  }
}
