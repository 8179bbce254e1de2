/** What the commands that talk to a fleet have in common. Main thread. The package is loaded here, and for nothing else. */
import { setTimeout as pause } from 'node:timers/promises';
import { isMediatedError } from '@mediated/core';
import type { ConnectionOptions, Fleet } from '@mediated/fleet';
import { ControlError } from '../control/control-error.js';
import { asking } from '../follow/asking.js';
import type { Stage } from '../stage.js';

/** Options of `mediated fleet …` that say where the fleet is. */
export interface ServerOptions {
  readonly server: string;
  readonly name: string;
  readonly credentials: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Waits for the server and the fleet. */
  readonly patient?: boolean;
}

/** Milliseconds between two attempts. */
const PAUSE = 200;

/** Runs a command on a fleet. What is refused is told in one sentence; what `check` throws, before anybody is asked. */
export function askingFleet(
  options: ServerOptions,
  stage: Stage,
  run: (fleet: Fleet) => Promise<number | undefined>,
  check: () => void = () => {},
): Promise<number> {
  return asking(stage, () =>
    refusing(async () => {
      check();
      const { Fleet } = await import('@mediated/fleet');
      const where = { ...connectionOf(options.server, options), fleet: options.name };
      await using fleet = await patiently(() => Fleet.connect(where), options.patient === true, stage.signal);
      return await run(fleet);
    }),
  );
}

/** Tries again while there is no server, or no fleet on it. */
async function patiently<T>(attempt: () => Promise<T>, patient: boolean, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const early = isMediatedError(error, 'ECONNREFUSED') || isMediatedError(error, 'ENODEV');
      if (!patient || !early || signal.aborted) throw error;
      await pause(PAUSE);
    }
  }
}

/** Makes what the fleet refuses a refusal of the program. */
export async function refusing<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw isMediatedError(error) ? new ControlError(error.code, sentenceOf(error.message)) : error;
  }
}

/** Without the code in front. */
export function sentenceOf(message: string): string {
  return message.replace(/^E[A-Z0-9]+: /, '');
}

export function connectionOf(
  servers: string,
  { credentials, ca, cert, key }: Pick<ServerOptions, 'credentials' | 'ca' | 'cert' | 'key'>,
): ConnectionOptions {
  const tls = {
    ...(ca === '' ? {} : { caFile: ca }),
    ...(cert === '' ? {} : { certFile: cert }),
    ...(key === '' ? {} : { keyFile: key }),
  };
  return {
    servers,
    ...(credentials === '' ? {} : { credentials }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

/** `A=B,C=D` as an object. EINVAL when it is something else. */
export function pairsOf(text: string, option: string): Record<string, string> {
  if (text === '') return {};
  const pairs = text.split(',').map((pair) => /^([^=]+)=(.*)$/.exec(pair));
  if (pairs.some((pair) => pair === null)) throw new ControlError('EINVAL', `${option} takes A=B,C=D, not ${text}`);
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}
