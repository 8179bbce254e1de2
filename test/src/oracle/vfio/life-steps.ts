/** Steps that open, close and remove the device at hand. */
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import { type Answer, Skip, type Step } from './step.js';

const LINKS = 'what /proc and fstat say of descriptors: a descriptor here has no inode';

export async function lifeStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (/^device: (\/proc|fstat)/.test(words)) throw new Skip(LINKS);
  if (step.type === undefined) return undefined;
  const subject = () => session.subject(step.type as string);
  if (words === 'open') return { ret: await attempt(async () => Math.min(0, await session.device(await subject()))) };
  if (/^close everything and open again/.test(words)) {
    const device = await subject();
    await session.closeAll();
    return { ret: await attempt(async () => Math.min(0, await session.device(device))) };
  }
  if (words === 'remove') {
    const device = await subject();
    await session.closeAll();
    return { ret: await attempt(() => session.remove(device)) };
  }
  if (/^create\b/.test(words)) {
    const device = await subject();
    if (device.mdev === undefined) return { ret: await attempt(() => session.create(device)) };
    await session.closeAll();
    await session.remove(device);
    return { ret: await attempt(() => session.create(device)) };
  }
  return undefined;
}
