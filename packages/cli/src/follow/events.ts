/** `mediated events`: uevents of a running instance, as `udevadm monitor` shows the kernel's. Main thread. */
import type { Uevent } from '@mediated/core';
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import { endOf } from '../limit.js';
import type { Stage } from '../stage.js';
import { asking } from './asking.js';

/** Columns of the action, as `udevadm` has them. */
const ACTION_COLUMNS = 8;

export function events(options: CommandOptions<'events'>, stage: Stage): Promise<number> {
  const { instance, properties, for: seconds, json } = options;
  const { output, errors, signal } = stage;
  return asking(stage, async () => {
    await request(instance, { request: 'events' }, endOf([signal], seconds), (line) => {
      if ('begun' in line) return void errors.write(`following the uevents of ${instance}\n`);
      if ('lost' in line) {
        if (json) output.write(`${JSON.stringify({ lost: line.lost })}\n`);
        else errors.write(`mediated: ${line.lost} events were missed\n`);
        return;
      }
      const event = line.event as Uevent;
      if (json) output.write(`${JSON.stringify({ ...event, variables: Object.fromEntries(event.variables) })}\n`);
      else output.write(formatEvent(event, properties));
    });
    return undefined;
  });
}

/** An event as text; with `properties`, a block of lines that ends with an empty one. */
export function formatEvent({ action, devpath, subsystem, sequence, variables }: Uevent, properties: boolean): string {
  const head = `KERNEL[${sequence}] ${action.padEnd(ACTION_COLUMNS)} ${devpath} (${subsystem})\n`;
  if (!properties) return head;
  return `${head}${variables.map(([name, value]) => `${name}=${value}\n`).join('')}\n`;
}
