/**
 * Load options of the driver: which subchannels there are and what is attached to them. Read by the driver's `configure`
 * on the supervising thread, and again, known to be sound, on each of its threads.
 */
import { MediatedError } from '@mediated/core';
import type { Geometry } from './emulation/disk.js';
import type { Attachment } from './emulation/machine.js';

/** Options of `loadDriver`. */
export interface CcwOptions extends Partial<Geometry> {
  /** What is attached to subchannels by name, e.g. `0.0.0313`; a parent that is not among them has the defaults. */
  readonly subchannels?: Readonly<Record<string, Partial<Attachment>>>;
}

/** Options with all defaults filled in. */
export interface CcwSetup {
  readonly geometry: Geometry;
  readonly subchannels: Readonly<Record<string, Attachment>>;
}

const GEOMETRY: Geometry = { cylinders: 4, heads: 2 };
const PATHS = [0x40, 0x41];
/** `cssid.ssid.number`. */
const NAME = /^[0-9a-f]{1,2}\.[0-3]\.[0-9a-f]{4}$/;

/** Checks load options. EINVAL says where and what is wrong. */
export function readOptions(options: unknown): CcwSetup {
  const { cylinders, heads, subchannels, ...others } = assertObject(options ?? {}, 'the options');
  assertNone(others, 'the options');
  const named = assertObject(subchannels ?? { '0.0.0313': {} }, 'subchannels');
  return {
    geometry: {
      cylinders: integer(cylinders ?? GEOMETRY.cylinders, 'cylinders', 1, 0xffff),
      heads: integer(heads ?? GEOMETRY.heads, 'heads', 1, 0xffff),
    },
    subchannels: Object.fromEntries(Object.entries(named).map(([name, value]) => [name, readAttachment(name, value)])),
  };
}

/** What is attached to a subchannel that the options do not name. */
export function defaultAttachment(name: string): Attachment {
  const deviceNumber = NAME.test(name) ? Number.parseInt(name.slice(-4), 16) : 0;
  return { deviceNumber, paths: PATHS, qdio: false };
}

/** Interrupts name a subchannel by this parameter: its set and number, with the bit that is always one. */
export function subchannelIdentity(name: string): number {
  if (!NAME.test(name)) return 0x10000;
  const [, set, number] = name.split('.');
  return 0x10000 | (Number(set) << 17) | Number.parseInt(number, 16);
}

function readAttachment(name: string, value: unknown): Attachment {
  const where = `subchannels[${JSON.stringify(name)}]`;
  if (!NAME.test(name)) throw invalid(`${where}: subchannels are named as 0.0.0313 is`);
  const defaults = defaultAttachment(name);
  const { deviceNumber, paths, qdio, ...others } = assertObject(value, where);
  assertNone(others, where);
  if (paths !== undefined && !(Array.isArray(paths) && paths.length >= 1 && paths.length <= 8)) {
    throw invalid(`${where}.paths is a list of one to eight numbers`);
  }
  if (qdio !== undefined && typeof qdio !== 'boolean') throw invalid(`${where}.qdio is true or false`);
  return {
    deviceNumber: integer(deviceNumber ?? defaults.deviceNumber, `${where}.deviceNumber`, 0, 0xffff),
    paths: paths?.map((path: unknown, at: number) => integer(path, `${where}.paths[${at}]`, 0, 0xff)) ?? PATHS,
    qdio: qdio ?? false,
  };
}

function assertObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${where}: an object is wanted`);
}

function assertNone(others: Record<string, unknown>, where: string): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw invalid(`${where}: there is no option ${name}`);
}

function integer(value: unknown, where: string, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  throw invalid(`${where} is a whole number from ${least} to ${most}`);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'loadDriver' });
}
