/** `mediated qemu`: a QEMU command line with devices of a running instance. Main thread. */
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import { ControlError } from '../control/control-error.js';
import type { DeviceAnswer } from '../control/protocol.js';
import { INTERRUPTED } from '../interruption.js';
import { quoted } from '../shell-word.js';
import type { Stage } from '../stage.js';
import { asking } from './asking.js';

export function qemu(options: CommandOptions<'qemu'>, stage: Stage): Promise<number> {
  const { instance, uuid, memory, program, json } = options;
  return asking(stage, async () => {
    const answer = (await request(instance, { request: 'list' }, stage.signal)) as DeviceAnswer[] | undefined;
    if (answer === undefined) return INTERRUPTED;
    const lines = commandLine(program, memory, attachable(answer, uuid));
    const shell = lines.map((words) => words.map(quoted).join(' ')).join(' \\\n  ');
    stage.output.write(json ? `${JSON.stringify(lines.flat())}\n` : `${shell}\n`);
    return undefined;
  });
}

/** What the devices say to QEMU. Throws a {@link ControlError} when there is nothing to attach to. */
function attachable(devices: readonly DeviceAnswer[], uuid: string): string[] {
  const wanted = uuid === '' ? devices : devices.filter((device) => device.uuid === uuid);
  if (uuid !== '' && wanted.length === 0) {
    const help = 'mediated list shows those that exist';
    throw new ControlError('ENODEV', `there is no device ${JSON.stringify(uuid)}; ${help}`);
  }
  const found = wanted.flatMap(({ qemu }) => (qemu === undefined ? [] : [qemu]));
  if (found.length > 0) return found;
  const what = uuid === '' ? 'no device has a socket' : `${uuid} has no socket`;
  throw new ControlError('ENOTCONN', `${what}; PCI devices get one where it is mediated up --socket-dir DIR`);
}

/** A command line, in lines of words. Guest memory is shared: a device does not reach what QEMU keeps to itself. */
function commandLine(program: string, memory: string, devices: readonly string[]): string[][] {
  return [
    [program, '-M', 'q35,memory-backend=ram', '-m', memory],
    ['-object', `memory-backend-memfd,id=ram,size=${memory},share=on`],
    ...devices.map((device) => ['-device', device]),
  ];
}
