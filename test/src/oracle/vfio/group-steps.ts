/**
 * Steps on groups and containers: open, status, containers set and left, devices by name, and which files are closed
 * before or in between, which the words say ("close container first; pread on the device").
 */
import { GROUP_GET_DEVICE_FD, GROUP_GET_STATUS, GROUP_SET_CONTAINER, groupStatus } from '@mediated/vfio/uapi';
import { deviceName } from './device-name.js';
import { plainIoctl } from './plain-ioctl.js';
import { attempt, int } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import type { Answer, Step } from './step.js';
import { readConfigWord } from './access-steps.js';

/** What a program closed before the step proper, in its own words. */
const CLOSED =
  /(?:after|close)\s+(?:the\s+)?(container|group|devices?|second|original)(?:\s+fds?)?(?:\s+(?:is|are)\s+closed|\s+(?:first|too)|,)/g;

export async function groupStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (step.type === undefined || /^(device|dmabuf|mmap|FEATURE)/.test(words)) return undefined;
  const isGroupStep =
    /\bgroup\b|GROUP_|CONTAINER\b|GET_DEVICE_FD|\bclose (container|the original)|^pread .*\bfd\b/.test(words);
  if (!isGroupStep || /^container\b/.test(words)) return undefined;
  const first = await session.subject(step.type);
  const subject = /^second group\b/.test(words) ? await session.subject(step.type, 'second') : first;
  if (/^dup\b/.test(words)) await session.device(subject);
  const dup = /^dup\b/.test(words) ? session.program.dup(await session.device(subject)) : undefined;
  if (/through the second fd/.test(words)) {
    await session.device(subject);
    if (subject.devices.length < 2) await session.openDevice(subject);
  }
  for (const [, what] of words.matchAll(CLOSED)) await closeFiles(session, subject, what);
  if (dup !== undefined) subject.devices.unshift(dup);
  return perform(session, step, subject, words.replace(/^second group: /, ''));
}

async function closeFiles(session: Session, subject: Subject, what: string): Promise<void> {
  switch (what) {
    case 'container':
      return session.closeContainer(subject);
    case 'group':
      return session.closeGroup(subject);
    case 'original':
      return session.closeDevice(subject, subject.devices[0]);
    case 'second':
      if (subject.devices.length > 1) await session.closeDevice(subject, subject.devices[1]);
      return;
    default:
      for (const descriptor of subject.devices) await session.closeDevice(subject, descriptor);
  }
}

async function perform(session: Session, step: Step, subject: Subject, words: string): Promise<Answer | undefined> {
  const { program } = session;
  if (/^(open|second open of|reopen) (the )?group/.test(words)) {
    if (words.startsWith('second')) await session.group(subject);
    return { ret: await openGroup(session, subject) };
  }
  if (/\bpread\b/.test(words)) {
    const onClosed = /on the closed fd/.test(words) ? subject.lastClosed : undefined;
    const through = /through the second fd/.test(words) ? subject.devices[1] : await session.device(subject);
    return readConfigWord(session, subject, onClosed ?? through);
  }
  const group = () => session.group(subject);
  const foreign = /^group: (.*)$/.exec(words)?.[1];
  if (foreign !== undefined) return plainIoctl(program, await group(), foreign);
  if (/GET_STATUS/.test(words)) return status(session, step, await group());
  if (/UNSET_CONTAINER/.test(words)) {
    // A program that does not say otherwise has closed the devices before.
    if (/with (one )?devices? open/.test(words)) await session.device(subject);
    else await closeFiles(session, subject, 'devices');
    return { ret: await attempt(() => session.unsetContainer(subject)) };
  }
  if (/SET_CONTAINER/.test(words) && !/GET_DEVICE_FD/.test(words)) {
    return { ret: await setContainer(session, subject, words) };
  }
  if (/GET_DEVICE_FD/.test(words)) {
    const descriptor = await group();
    if (/NULL$/.test(words)) return { ret: await attempt(() => program.ioctl(descriptor, GROUP_GET_DEVICE_FD, null)) };
    const kind = step.text('kind') ?? (/wrong name/.test(words) ? 'wrong' : undefined);
    const name = await deviceName(session, subject, kind);
    return { ret: await attempt(() => session.openDevice(subject, name)) };
  }
  return undefined;
}

async function openGroup(session: Session, subject: Subject): Promise<number> {
  return attempt(async () => {
    const descriptor = await session.program.open(session.groupPath(subject));
    subject.group = descriptor;
    subject.container = undefined;
    return 0;
  });
}

async function status(session: Session, step: Step, group: number): Promise<Answer> {
  if (/NULL$/.test(step.words)) {
    return { ret: await attempt(() => session.program.ioctl(group, GROUP_GET_STATUS, null)) };
  }
  const argument = groupStatus.bytes({ argsz: step.number('argsz', groupStatus.size), flags: UNTOUCHED });
  const ret = await attempt(() => session.program.ioctl(group, GROUP_GET_STATUS, argument));
  return { ret, out: groupStatus.decode(argument) };
}

/** What the program had put where an answer goes. */
const UNTOUCHED = 0x77;

async function setContainer(session: Session, subject: Subject, words: string): Promise<number> {
  const { program } = session;
  const number = /fd (-?\d+)/.exec(words)?.[1];
  const group = await session.group(subject);
  const set = (argument: Uint8Array | null) => attempt(() => program.ioctl(group, GROUP_SET_CONTAINER, argument));
  if (/NULL$/.test(words)) return set(null);
  if (number !== undefined) return set(int(Number(number)));
  if (/\/dev\/null/.test(words)) return set(int(await session.nothing()));
  if (/group fd itself/.test(words)) return set(int(group));
  const same = /\bagain\b|\bsame container\b/.test(words) && !/\bother container\b/.test(words);
  const current = session.containerOf(subject) ?? session.containerOf(await session.subject(subject.type));
  if (same && current?.descriptor !== undefined) return attempt(() => session.setContainer(subject, current));
  const name = /\bother container\b/.test(words) ? 'other' : (/\b(c\d+)\b/.exec(words)?.[1] ?? 'first');
  const container = await session.container(name);
  if (subject.container !== undefined) return set(int(container.descriptor as number));
  return attempt(() => session.setContainer(subject, container));
}
