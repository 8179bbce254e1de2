/** `mediated fleet create` and `remove`. Main thread. What takes long shows how far it is, on stderr. */
import { isMediatedError, type MediatedError } from '@mediated/core';
import type { Fleet } from '@mediated/fleet';
import type { CommandOptions } from '../commands.js';
import { ControlError } from '../control/control-error.js';
import { counted } from '../counted.js';
import { INTERRUPTED } from '../interruption.js';
import { Progress } from '../progress.js';
import type { Stage } from '../stage.js';
import { askingFleet, pairsOf, sentenceOf } from './asking-fleet.js';

/** So many devices are removed at a time. */
const AT_ONCE = 64;
/** From so many on, it is shown how far things are. */
const MANY = 20;

export function fleetCreate(options: CommandOptions<'fleet create'>, stage: Stage): Promise<number> {
  const { type, api, attributes, host, parent, near, uuid, count, policy } = options;
  const { output, errors, signal } = stage;
  const check = () => {
    pairsOf(attributes, '--attributes');
    if (type !== '' || api !== '' || attributes !== '') return;
    throw new ControlError('EINVAL', 'say what is to be created: TYPE, --api or --attributes');
  };
  const run = async (fleet: Fleet) => {
    const progress = new Progress(errors);
    const given = (text: string) => (text === '' ? undefined : text);
    const { created, failed, doubtful } = await fleet
      .create({
        type: given(type),
        deviceApi: given(api),
        attributes: pairsOf(attributes, '--attributes'),
        host: given(host),
        parent: given(parent),
        near: given(near),
        uuids: uuid === '' ? [] : [uuid],
        count,
        policy,
        signal,
        progress: (done, all) => {
          if (all >= MANY) progress.update(`${done} of ${counted(all, 'device')}`);
        },
      })
      .finally(() => progress.end());
    if (options.json)
      output.write(`${JSON.stringify({ created, failed: told(failed), doubtful: told(doubtful) }, undefined, 2)}\n`);
    else for (const placed of created) output.write(`${placed.uuid} ${placed.host}\n`);
    for (const { error } of failed) errors.write(`mediated: ${sentenceOf(error.message)}\n`);
    for (const { error } of doubtful) errors.write(`mediated: in doubt: ${sentenceOf(error.message)}\n`);
    if (signal.aborted) return INTERRUPTED;
    return failed.length + doubtful.length > 0 ? 1 : undefined;
  };
  return askingFleet(options, stage, run, check);
}

/** Errors as texts of JSON. */
function told<T extends { readonly error: MediatedError }>(entries: readonly T[]) {
  return entries.map(({ error, ...entry }) => ({ ...entry, code: error.code, message: sentenceOf(error.message) }));
}

export function fleetRemove(options: CommandOptions<'fleet remove'>, stage: Stage): Promise<number> {
  const { uuid, all } = options;
  const { errors, signal } = stage;
  const check = () => {
    if ((uuid === '') !== all) throw new ControlError('EINVAL', 'either UUID or --all is to be removed');
  };
  const run = async (fleet: Fleet) => {
    if (!all) return void (await fleet.remove(uuid));
    const devices = await fleet.devices();
    const progress = new Progress(errors);
    const waiting = [...devices];
    let done = 0;
    let refused = 0;
    const work = async () => {
      for (let device = waiting.shift(); device !== undefined && !signal.aborted; device = waiting.shift()) {
        try {
          await fleet.remove(device.uuid);
        } catch (error) {
          if (!isMediatedError(error)) throw error;
          refused++;
          progress.print(`mediated: ${sentenceOf(error.message)}`);
        }
        if (devices.length >= MANY) progress.update(`${++done} of ${counted(devices.length, 'device')} removed`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work)).finally(() => progress.end());
    if (signal.aborted) return INTERRUPTED;
    return refused > 0 ? 1 : undefined;
  };
  return askingFleet(options, stage, run, check);
}
