/** Steps that ask a device about itself: GET_INFO, regions, interrupts; and commands that it does not have. */
import {
  DEVICE_BIND_IOMMUFD,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_RESET,
  deviceInfo,
  IRQ_INFO_BYTES,
  irqInfo,
  REGION_INFO_BYTES,
  regionInfo,
} from '@mediated/vfio/uapi';
import { plainIoctl } from './plain-ioctl.js';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import { type Answer, hex, type Step } from './step.js';

const NO_IOMMUFD =
  'the recorded kernel was built without IOMMUFD: it does not know the command, here it is for other files';
/** First character of vfio's commands. */
const VFIO = 0x3b00;
/** A program leaves room for all that a device may say. */
const ROOM = 4096;
/** Bytes of a structure's beginning that a program fills in, whatever is behind. */
const HEADER_BYTES = 16;

export async function infoStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  const kind = /^(DEVICE_GET_INFO|GET_REGION_INFO|GET_IRQ_INFO|DEVICE_RESET)\b|^device: /.exec(words);
  if (kind === null || step.type === undefined) return undefined;
  const subject = await session.subject(step.type);
  const device = await session.device(subject);
  const { program } = session;
  const ioctl = (command: number, argument: Uint8Array | null) =>
    attempt(() => program.ioctl(device, command, argument));
  switch (kind[1]) {
    case 'DEVICE_RESET':
      return { ret: await ioctl(DEVICE_RESET, null) };
    case 'DEVICE_GET_INFO': {
      if (isNull(words)) return { ret: await ioctl(DEVICE_GET_INFO, null) };
      const argument = deviceInfo.bytes({ argsz: step.number('argsz', deviceInfo.size) }, ROOM);
      return { ret: await ioctl(DEVICE_GET_INFO, argument), out: deviceInfo.decode(argument) };
    }
    case 'GET_REGION_INFO': {
      if (isNull(words)) return { ret: await ioctl(DEVICE_GET_REGION_INFO, null) };
      const argument = regionArgument(step);
      const ret = await ioctl(DEVICE_GET_REGION_INFO, argument);
      const [dump = ''] = step.reported.filter((name) => /bytes/.test(name));
      return { ret, out: { ...regionInfo.decode(argument), [dump]: hex(argument.subarray(0, step.dumped(dump))) } };
    }
    case 'GET_IRQ_INFO': {
      if (isNull(words)) return { ret: await ioctl(DEVICE_GET_IRQ_INFO, null) };
      const { index, argsz, flags, count } = irqArgument(step);
      const argument = irqInfo.bytes({ index, argsz, flags, count }, ROOM);
      return { ret: await ioctl(DEVICE_GET_IRQ_INFO, argument), out: irqInfo.decode(argument) };
    }
    default: {
      const what = words.slice('device: '.length);
      if (step.has('nr')) {
        const command = VFIO + step.number('nr');
        const ret = await ioctl(command, new Uint8Array(ROOM));
        return command === DEVICE_BIND_IOMMUFD ? { ret, differs: { ret: NO_IOMMUFD } } : { ret };
      }
      return plainIoctl(program, device, what);
    }
  }
}

export function isNull(words: string): boolean {
  return /\bNULL$/.test(words);
}

/** The words may name the region and the size of the argument. */
function regionArgument(step: Step): Uint8Array {
  const index = step.number('index', Number(/^\w+ (\d+)/.exec(step.words)?.[1] ?? 0));
  const argsz = step.number('argsz', Number(/argsz (\d+)/.exec(step.words)?.[1] ?? REGION_INFO_BYTES));
  const argument = new Uint8Array(ROOM);
  if (step.has('prefill')) argument.fill(step.bytes('prefill')[0], HEADER_BYTES);
  regionInfo.encode(argument, { argsz, index });
  return argument;
}

function irqArgument(step: Step) {
  return {
    index: step.number('index'),
    argsz: step.number('argsz', IRQ_INFO_BYTES),
    flags: step.number('flags'),
    count: step.number('count'),
  };
}
