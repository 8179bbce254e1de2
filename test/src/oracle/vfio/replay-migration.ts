/** Replays recordings of migration (04-migration-*). */
import { Machine } from '../machine.js';
import type { Recording } from '../recording.js';
import type { Tally } from '../tally.js';
import { imageStep } from './image-steps.js';
import { migrationStep } from './migration-steps.js';
import { storyStep } from './migration-story.js';
import { replaySteps } from './replay-steps.js';
import { Session } from './session.js';

export async function replayMigration(recording: Recording, tally: Tally): Promise<void> {
  const machine = new Machine();
  const session = new Session(machine);
  try {
    await replaySteps(recording, tally, () => session, [migrationStep, storyStep, imageStep]);
    await session.closeAll();
  } finally {
    await machine.close();
  }
}
