/** `mediated types`, `list`, `create` and `remove`: what a running instance has, and changes to it. Main thread. */
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import type { CreateAnswer, DeviceAnswer, TypeAnswer } from '../control/protocol.js';
import { INTERRUPTED } from '../interruption.js';
import type { Stage } from '../stage.js';
import { quoted } from '../shell-word.js';
import { formatTable } from '../table.js';
import { columnsOf } from '../terminal.js';
import { asking } from './asking.js';

export function types({ instance, json }: CommandOptions<'types'>, stage: Stage): Promise<number> {
  return asking(stage, async () => {
    const answer = (await request(instance, { request: 'types' }, stage.signal)) as TypeAnswer[] | undefined;
    if (answer === undefined) return INTERRUPTED;
    const titles = [
      { title: 'parent' },
      { title: 'type' },
      { title: 'available', align: 'right' },
      { title: 'api' },
      { title: 'name' },
    ] as const;
    const rows = answer.map(({ parent, type, available, deviceApi, name }) => {
      return [parent, type, String(available), deviceApi, name];
    });
    if (!json && answer.length === 0) return none(stage, 'no parent is registered');
    print(stage, json ? [JSON.stringify(answer, undefined, 2)] : formatTable(titles, rows, columnsOf(stage.output)));
    return undefined;
  });
}

export function list({ instance, json }: CommandOptions<'list'>, stage: Stage): Promise<number> {
  return asking(stage, async () => {
    const answer = (await request(instance, { request: 'list' }, stage.signal)) as DeviceAnswer[] | undefined;
    if (answer === undefined) return INTERRUPTED;
    if (!json && answer.length === 0) return none(stage, 'no devices; mediated types shows what can be created');
    print(stage, json ? [JSON.stringify(answer, undefined, 2)] : tableOf(answer, columnsOf(stage.output)));
    return undefined;
  });
}

export function create(options: CommandOptions<'create'>, stage: Stage): Promise<number> {
  const { instance, parent, type, uuid } = options;
  return asking(stage, async () => {
    const wanted = { request: 'create', parent, type, ...(uuid === '' ? {} : { uuid }) } as const;
    const answer = (await request(instance, wanted, stage.signal)) as CreateAnswer | undefined;
    if (answer === undefined) return INTERRUPTED;
    print(stage, [answer.uuid]);
    const { qemu, problem } = answer;
    // Whoever keeps the UUID in a variable sees it too.
    if (qemu !== undefined) stage.errors.write(`-device ${quoted(qemu)}\n`);
    if (problem !== undefined) stage.errors.write(`mediated: it has no socket: ${problem}\n`);
    return undefined;
  });
}

export function remove({ instance, uuid }: CommandOptions<'remove'>, stage: Stage): Promise<number> {
  return asking(stage, async () => {
    const answer = await request(instance, { request: 'remove', uuid }, stage.signal);
    return answer === undefined ? INTERRUPTED : undefined;
  });
}

/** Devices, each with what QEMU is to be told below it. */
function tableOf(devices: readonly DeviceAnswer[], width: number): string[] {
  const titles = [{ title: 'uuid' }, { title: 'parent' }, { title: 'type' }] as const;
  const rows = devices.map(({ uuid, parent, type }) => [uuid, parent, type]);
  const lines = formatTable(titles, rows, width);
  const above = lines.length - devices.length;
  return lines.flatMap((line, at) => {
    const qemu = devices[at - above]?.qemu;
    return qemu === undefined ? [line] : [line, `    -device ${quoted(qemu)}`];
  });
}

/** Says on stderr that there is nothing: what reads stdout gets nothing. */
function none({ errors }: Stage, sentence: string): undefined {
  errors.write(`${sentence}\n`);
}

function print({ output }: Stage, lines: readonly string[]): void {
  output.write(`${lines.join('\n')}\n`);
}
