/** Steps that set interrupts up, and count which eventfd fires. */
import { DEVICE_SET_IRQS, IRQ_SET_BYTES, IRQ_SET_FLAGS, irqSet } from '@mediated/vfio/uapi';
import { isNull } from './info-steps.js';
import { attempt, int } from './attempt.js';
import type { Session } from './session.js';
import type { Answer, Step } from './step.js';

const DISABLE = IRQ_SET_FLAGS.dataNone | IRQ_SET_FLAGS.trigger;
/** Behind what argsz announces there is memory all the same. */
const ROOM = 4096;

export async function irqStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (/^==/.test(words)) return { ret: 0 };
  if (!/^SET_IRQS\b/.test(words) || step.type === undefined) return undefined;
  const device = await session.device(await session.subject(step.type));
  const ioctl = (argument: Uint8Array | null) =>
    attempt(() => session.program.ioctl(device, DEVICE_SET_IRQS, argument));
  if (isNull(words)) return { ret: await ioctl(null) };
  const data = await dataOf(session, step);
  const argument = new Uint8Array(ROOM);
  irqSet.encode(argument, {
    argsz: step.number('argsz', IRQ_SET_BYTES + data.length),
    flags: step.number('flags'),
    index: step.number('index'),
    start: step.number('start'),
    count: step.number('count'),
  });
  argument.set(data, IRQ_SET_BYTES);
  session.fired();
  const ret = await ioctl(argument);
  // The program tries sizes of the argument on a device that has nothing set up.
  if (/\bargsz\b/.test(words))
    await ioctl(irqSet.bytes({ argsz: IRQ_SET_BYTES, flags: DISABLE, index: step.number('index') }));
  return { ret, out: { eventfd_fired: session.fired() } };
}

/** What follows the header: a descriptor that the words name or else an eventfd, a boolean that they name, or nothing. */
async function dataOf(session: Session, step: Step): Promise<Uint8Array> {
  const { note } = step;
  const flags = step.number('flags');
  const isEventfd = (flags & IRQ_SET_FLAGS.dataEventfd) !== 0;
  const length = step.number('data_len', isEventfd ? 4 : 0);
  const boolean = /DATA_BOOL (\d)/.exec(note)?.[1];
  if (boolean !== undefined) return new Uint8Array(length).fill(Number(boolean));
  const named = /fd (-?\d+)$/.exec(note)?.[1];
  const descriptor =
    named !== undefined
      ? Number(named)
      : /\/dev\/null/.test(note)
        ? await session.nothing()
        : session.eventfd(/^replace\b/.test(note));
  const bytes = new Uint8Array(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.set(int(descriptor), at);
  return bytes;
}
