/** Steps that ask for features of a device, and the DMA logging among them. */
import {
  DEVICE_FEATURE,
  DEVICE_FEATURE_BYTES,
  deviceFeature,
  dmaLoggingControl,
  dmaLoggingRange,
  dmaLoggingReport,
  FEATURE_FLAGS,
  FEATURES,
  featureMigration,
} from '@mediated/vfio/uapi';
import { isNull } from './info-steps.js';
import { attempt } from './attempt.js';
import type { Session } from './session.js';
import { type Answer, hex, type Step } from './step.js';

const NO_BITMAPS = 'the recorded kernel was built without bitmaps of I/O addresses: it has nothing to report with';
const ROOM = 4096;
const PAGE = 4096n;
const LARGEST = 2n ** 64n - 1n;

const OPERATIONS: Readonly<Record<string, number>> = {
  PROBE: FEATURE_FLAGS.probe,
  GET: FEATURE_FLAGS.get,
  SET: FEATURE_FLAGS.set,
};

export async function featureStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (!/^FEATURE\b/.test(words) || step.type === undefined) return undefined;
  const device = await session.device(await session.subject(step.type));
  const ask = (argument: Uint8Array | null) => attempt(() => session.program.ioctl(device, DEVICE_FEATURE, argument));
  if (isNull(words)) return { ret: await ask(null) };
  const logging = /^FEATURE DMA_LOGGING_(START|STOP|REPORT)/.exec(words)?.[1];
  if (logging !== undefined) return logSteps[logging as keyof typeof logSteps](session, step, ask);
  const argument = new Uint8Array(ROOM);
  const argsz = step.number('argsz', DEVICE_FEATURE_BYTES);
  deviceFeature.encode(argument, { argsz, flags: flagsOf(step) });
  const ret = await ask(argument);
  const data = argument.subarray(DEVICE_FEATURE_BYTES);
  const out = { data: hex(data.subarray(0, step.dumped('data'))), flags: featureMigration.decode(data).flags };
  return { ret, out };
}

/** Number and operations, as arguments or as words. */
function flagsOf(step: Step): number {
  const { words } = step;
  const bit = /flags (?:bit (\d+)|0x([\da-f]+))/.exec(words);
  const named = /^FEATURE MIGRATION\b/.test(words) ? FEATURES.migration : 0;
  if (bit !== null) return bit[1] === undefined ? Number.parseInt(bit[2], 16) : (1 << Number(bit[1])) >>> 0;
  const operations = (step.text('op') ?? words).split(/[| ]/);
  return operations.reduce((flags, name) => flags | (OPERATIONS[name] ?? 0), step.number('feature', named));
}

type Ask = (argument: Uint8Array) => Promise<number>;

const logSteps = {
  async START(session: Session, step: Step, ask: Ask): Promise<Answer> {
    const { note } = step;
    const ranges = rangesOf(note);
    const list = new Uint8Array(Math.max(1, ranges.length) * dmaLoggingRange.size);
    ranges.forEach((range, at) => {
      dmaLoggingRange.encode(list.subarray(at * dmaLoggingRange.size), range);
    });
    const page = /page size (\d+)/.exec(note)?.[1];
    const data = dmaLoggingControl.bytes({
      page_size: page === undefined ? PAGE : BigInt(page),
      num_ranges: ranges.length,
      ranges: /NULL ranges/.test(note) ? 0n : session.program.place(list),
    });
    const argument = feature(FEATURES.dmaLoggingStart | FEATURE_FLAGS.set, data);
    const ret = await ask(argument);
    const { page_size } = dmaLoggingControl.decode(argument.subarray(DEVICE_FEATURE_BYTES));
    return { ret, out: { page_size } };
  },
  async STOP(_session: Session, _step: Step, ask: Ask): Promise<Answer> {
    return { ret: await ask(feature(FEATURES.dmaLoggingStop | FEATURE_FLAGS.set, new Uint8Array(0))) };
  },
  async REPORT(session: Session, _step: Step, ask: Ask): Promise<Answer> {
    const bitmap = new Uint8Array(8).fill(0xff);
    const data = dmaLoggingReport.bytes({
      iova: 0n,
      length: 64n * PAGE,
      page_size: PAGE,
      bitmap: session.program.place(bitmap),
    });
    const ret = await ask(feature(FEATURES.dmaLoggingReport | FEATURE_FLAGS.get, data));
    const out = { bitmap0: new DataView(bitmap.buffer).getBigUint64(0, true) };
    return { ret, out, differs: { ret: NO_BITMAPS } };
  },
};

function feature(flags: number, data: Uint8Array): Uint8Array {
  const argument = deviceFeature.bytes({ argsz: DEVICE_FEATURE_BYTES + data.length, flags }, ROOM);
  argument.set(data, DEVICE_FEATURE_BYTES);
  return argument;
}

/** The ranges that are to be logged: a megabyte from 0, unless the words say what is wrong with them. */
function rangesOf(note: string): { iova: bigint; length: bigint }[] {
  const megabyte = { iova: 0n, length: 2n ** 20n };
  if (/^0 ranges/.test(note)) return [];
  if (/unaligned iova/.test(note)) return [{ ...megabyte, iova: PAGE / 2n }];
  if (/zero length/.test(note)) return [{ ...megabyte, length: 0n }];
  if (/overlapping/.test(note)) return [megabyte, { ...megabyte, iova: megabyte.length / 2n }];
  if (/wrap/.test(note)) return [{ iova: LARGEST + 1n - PAGE, length: 2n * PAGE }];
  return [megabyte];
}
