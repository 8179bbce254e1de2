/**
 * What is written to a `uevent` file: `ACTION [UUID [KEY=VALUE ...]]`, with one trailing newline or NUL allowed. The
 * event it causes carries the UUID and the arguments, as the kernel's does (documented in sysfs-uevent).
 */
import { MediatedError } from '../errors.js';
import { ACTIONS, type Action } from './uevents.js';

/** An event that somebody asked for. */
export interface SyntheticUevent {
  readonly action: Action;
  /** UUID and arguments as written; `0` when there was no UUID. */
  readonly text: string;
}

/** Most bytes of UUID and arguments: what a record of the event log holds. The kernel's own limit is near 2000. */
const SYNTHETIC_BYTES = 128;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
const ARGUMENTS = /^( [0-9a-z]+=[0-9a-z]+)*$/i;

/** Errors: EINVAL for anything else than the format, ENOMEM for more than SYNTHETIC_BYTES after the action. */
export function parseSyntheticUevent(bytes: Buffer): SyntheticUevent {
  const text = bytes.toString('latin1').replace(/[\n\0]$/, '');
  const space = text.indexOf(' ');
  const word = space === -1 ? text : text.slice(0, space);
  const action = ACTIONS.find((candidate) => candidate === word);
  if (action === undefined) refuse(`${JSON.stringify(word)} is no action (${ACTIONS.join(', ')})`);
  if (space === -1) return { action, text: '0' };
  const rest = text.slice(space + 1);
  if (!UUID.test(rest) || !ARGUMENTS.test(rest.slice(36))) {
    refuse(`${JSON.stringify(rest)} is no UUID with arguments KEY=VALUE of letters and digits`);
  }
  if (rest.length > SYNTHETIC_BYTES) {
    throw new MediatedError('ENOMEM', `UUID and arguments are longer than ${SYNTHETIC_BYTES} bytes`, {
      syscall: 'uevent',
    });
  }
  return { action, text: rest };
}

function refuse(reason: string): never {
  throw new MediatedError('EINVAL', reason, { syscall: 'uevent' });
}
