/** Replays recordings of the user API: containers, groups and devices (04-api-*, 04-group-*). */
import { Machine } from '../machine.js';
import { MODULES } from '../modules.js';
import type { Recording } from '../recording.js';
import type { Tally } from '../tally.js';
import { accessStep } from './access-steps.js';
import { containerStep } from './container-steps.js';
import { featureStep } from './feature-steps.js';
import { groupStep } from './group-steps.js';
import { infoStep } from './info-steps.js';
import { irqStep } from './irq-steps.js';
import { lifeStep } from './life-steps.js';
import { mappingStep } from './mapping-steps.js';
import { planeStep } from './plane-steps.js';
import { replaySteps } from './replay-steps.js';
import { Session } from './session.js';

const HANDLERS = [
  mappingStep,
  lifeStep,
  containerStep,
  groupStep,
  infoStep,
  accessStep,
  irqStep,
  featureStep,
  planeStep,
];

export async function replayApi(recording: Recording, tally: Tally): Promise<void> {
  const machine = new Machine();
  const session = new Session(machine);
  try {
    // What a recording without a device has is what any module brings.
    await machine.insmod([...MODULES.keys()][0]);
    await replaySteps(recording, tally, () => session, HANDLERS);
    await session.closeAll();
  } finally {
    await machine.close();
  }
}
