/**
 * The faults of a parent as text: what each file takes and shows, and what the load options take under the same names.
 * Used by the parent's attributes and, before a parent exists, by the check of load options. Any thread.
 */
import { ERRNO, type ErrnoName, MediatedError } from '@mediated/core';
import { FaultWords, MAX_AVAILABLE, MAX_COUNT, MAX_DELAY, type Operation } from './fault-words.js';

/** A file of the group `faults`. */
export interface FaultFile {
  readonly name: string;
  show?(faults: FaultWords, types: readonly string[]): string;
  /** Throws EINVAL for text that it does not take. */
  store?(faults: FaultWords, text: string, types: readonly string[]): void;
}

function failures(operation: Operation): FaultFile {
  return {
    name: `fail_${operation}`,
    show(faults) {
      const { count, code } = faults.failures(operation);
      return count === 0 ? '0' : `${count} ${code}`;
    },
    store(faults, text) {
      const [, digits, code = 'EIO'] =
        /^(\d+)(?: (E[A-Z0-9]+))?$/.exec(text) ?? refuse(text, 'a count and an errno name');
      if (!(code in ERRNO)) throw invalid(`${code} is no errno that is known here: ${Object.keys(ERRNO).join(', ')}`);
      faults.setFailures(operation, { count: number(digits, MAX_COUNT), code: code as ErrnoName });
    },
  };
}

function delays(operation: Operation): FaultFile {
  return {
    name: `delay_${operation}`,
    show(faults) {
      const { count, milliseconds } = faults.delays(operation);
      return count === 0 ? '0' : `${count} ${milliseconds}`;
    },
    store(faults, text) {
      const [, digits, delay = '0'] = /^(\d+)(?: (\d+))?$/.exec(text) ?? refuse(text, 'a count and milliseconds');
      faults.setDelays(operation, { count: number(digits, MAX_COUNT), milliseconds: number(delay, MAX_DELAY) });
    },
  };
}

const hold: FaultFile = {
  name: 'hold_create',
  show: (faults) => String(faults.toHold),
  store(faults, text) {
    const [, digits] = /^(\d+)$/.exec(text) ?? refuse(text, 'a count');
    faults.toHold = number(digits, MAX_COUNT);
  },
};

const held: FaultFile = { name: 'held', show: (faults) => String(faults.held) };

const release: FaultFile = {
  name: 'release',
  store(faults, text) {
    const [, digits] = /^(\d+|all)$/.exec(text) ?? refuse(text, 'a count, or all');
    faults.release(digits === 'all' ? faults.held : number(digits, MAX_COUNT));
  },
};

const available: FaultFile = {
  name: 'available',
  show(faults, types) {
    const lines = types.map((type, index) => [type, faults.reported(index)] as const);
    const own = lines.filter(([, value]) => value !== undefined).map(([type, value]) => `${type} ${value}`);
    const all = faults.reported();
    return [all === undefined ? 'off' : String(all), ...own].join('\n');
  },
  store(faults, text, types) {
    const [, type, digits] =
      /^(?:([\w.+-]+) )?(\d+|off)$/.exec(text) ?? refuse(text, 'a number of instances or off, perhaps after a type');
    const value = digits === 'off' ? undefined : number(digits, MAX_AVAILABLE);
    if (type === undefined) {
      for (const index of types.keys()) faults.setReported(undefined, index);
      faults.setReported(value);
      return;
    }
    const index = types.indexOf(type);
    if (index < 0) throw invalid(`there is no type ${type}; the types are ${types.join(', ') || 'none'}`);
    faults.setReported(value, index);
  },
};

/** All of them, in the order of the documentation; `unplug` is beside them, it changes no word. */
export const FAULT_FILES: readonly FaultFile[] = [
  failures('create'),
  delays('create'),
  hold,
  held,
  release,
  failures('remove'),
  delays('remove'),
  available,
];

/** Words with the faults of load options, e.g. `{ fail_create: '3 ENOSPC' }`. EINVAL: a name or a text that is none. */
export function initialFaults(options: unknown, types: readonly string[]): Int32Array {
  const faults = new FaultWords();
  if (options === undefined) return faults.words;
  if (typeof options !== 'object' || options === null) throw invalid('the option faults is an object, or false');
  for (const [name, text] of Object.entries(options)) {
    const file = FAULT_FILES.find((candidate) => candidate.name === name && candidate !== release);
    if (file?.store === undefined) throw invalid(`there is no fault ${name}`);
    file.store(faults, String(text), types);
  }
  return faults.words;
}

/** `text` without the newline that shells write. */
export function written(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

export function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'write' });
}

function refuse(text: string, wanted: string): never {
  throw invalid(`${JSON.stringify(text.slice(0, 64))} is not ${wanted}`);
}

function number(digits: string, most: number): number {
  const value = Number(digits);
  if (value <= most) return value;
  throw invalid(`${digits} is more than ${most}`);
}
