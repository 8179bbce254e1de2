/**
 * Replays accesses that a driver answers from memory that it does not own, or does not check (04-unspecified): narrow
 * writes to base address registers, which came out the same in all rounds, and what lies behind buffers, which did not.
 * Each round has a new device.
 */
import { PCI_REGIONS } from '@mediated/vfio/uapi';
import { Machine } from '../machine.js';
import type { Fields, Recording } from '../recording.js';
import type { Tally } from '../tally.js';
import { BEHIND, EMPTY } from './access-steps.js';
import { replaySteps } from './replay-steps.js';
import { attempt } from './attempt.js';
import { Session } from './session.js';
import { type Answer, hex, type Step } from './step.js';

/** What these recordings have beside the arguments, although it is what came of them. */
const RESULTS = ['readback_u32', 'data'];

export async function replayUnspecified(recording: Recording, tally: Tally): Promise<void> {
  const machine = new Machine();
  const session = new Session(machine);
  let round = '';
  const handler = async (_: Session, step: Step) => {
    const now = `${step.type} ${step.text('round')}`;
    if (now !== round) await session.renewed(step.type ?? '');
    round = now;
    return unspecifiedStep(session, step);
  };
  try {
    await replaySteps({ ...recording, lines: recording.lines.map(apart) }, tally, () => session, [handler]);
    await session.closeAll();
  } finally {
    await machine.close();
  }
}

function apart(fields: Fields): Fields {
  const out = Object.fromEntries(Object.entries(fields).filter(([name]) => RESULTS.includes(name)));
  return { ...fields, out };
}

async function unspecifiedStep(session: Session, step: Step): Promise<Answer | undefined> {
  const subject = await session.subject(step.type ?? '');
  const device = await session.device(subject);
  const { program } = session;
  if (/^narrow write to BAR register/.test(step.words)) {
    const { offset } = await session.region(subject, PCI_REGIONS.config);
    const position = offset + step.number('offset');
    const ret = await attempt(() => program.pwrite(device, step.bytes('value'), position));
    const register = position - (position % 4);
    const readback = Buffer.from(await program.pread(device, 4, register)).readUInt32LE();
    return { ret, out: { readback_u32: readback.toString(16).padStart(8, '0') } };
  }
  const registers = /^registers (\d+)\.\.(\d+) of BAR(\d)/.exec(step.words);
  if (registers !== null) {
    const [first, last, bar] = registers.slice(1).map(Number);
    const { offset, size } = await session.region(subject, bar);
    let data = '';
    for (let at = first; at <= last; at++) {
      await attempt(async () => {
        data += hex(await program.pread(device, 1, offset + at));
        return 0;
      });
    }
    return { ret: undefined, out: { data }, ...(size === 0 && { differs: { data: EMPTY } }) };
  }
  const bytes = /^config bytes 0x([\da-f]+)\.\.0x([\da-f]+)/.exec(step.words);
  if (bytes === null) return undefined;
  const [first, last] = bytes.slice(1).map((number) => Number.parseInt(number, 16));
  const { offset, size } = await session.region(subject, PCI_REGIONS.config);
  let data = '';
  await attempt(async () => {
    data = hex(await program.pread(device, last - first + 1, offset + first));
    return 0;
  });
  return { ret: undefined, out: { data }, upTo: { data: { bytes: size - first, reason: BEHIND } } };
}
