/** What `mediated up` says when it is ready: where things are and what to try. Pure. */
import type { Parent } from '@mediated/core';
import { programName } from '../program-name.js';
import { quoted } from '../shell-word.js';
import type { Report } from './report.js';

export interface Ready {
  /** Where the tree is mounted, if it is. */
  readonly tree: string | undefined;
  readonly instance: string;
  /** Where the sockets for virtual machines are, if there are any. */
  readonly sockets?: string | undefined;
  /** Where the metrics are read, if they are. */
  readonly metrics?: string | null;
  readonly parents: readonly Parent[];
}

/** The UUID of the kernel's documentation. */
const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

export function hints(report: Report, { tree, instance, sockets, metrics = null, parents }: Ready): string[] {
  const program = programName();
  const option = instance === 'default' ? '' : ` --instance ${instance}`;
  const [parent] = parents.filter(({ bus }) => bus === 'mdev');
  const type = parent?.types.at(-1)?.id;
  const commands: string[] = [];
  if (tree !== undefined && parent !== undefined && type !== undefined) {
    // In no other folder: the program may be called by what only the folder of a clone knows.
    commands.push(
      `tree=${quoted(tree)}`,
      `type=$tree/class/mdev_bus/${parent.name}/mdev_supported_types/${type}`,
      'cat $type/name $type/available_instances',
      `echo ${UUID} > $type/create`,
      'ls -l $tree/bus/mdev/devices',
    );
  }
  commands.push(`${program} types${option}`);
  if (tree === undefined && parent !== undefined && type !== undefined) {
    commands.push(`${program} create ${parent.name} ${type}${option}`);
  }
  if (sockets !== undefined) commands.push(`${program} qemu${option}`);
  if (metrics !== null) commands.push(`curl ${metrics}`);
  commands.push(`${program} list${option}`, `${program} events${option}`, `${program} top${option}`);
  return [
    '',
    tree === undefined ? report.title('ready; no tree is mounted') : report.title(`ready: ${tree} is what /sys is`),
    'Try, in a second shell:',
    ...commands.map((command) => report.aside(`    ${command}`)),
    'Ctrl-C removes everything.',
  ];
}
