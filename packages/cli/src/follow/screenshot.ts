/** `mediated screenshot`: writes what a display of a running instance shows. Main thread. */
import { writeFile } from 'node:fs/promises';
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import { INTERRUPTED } from '../interruption.js';
import type { Stage } from '../stage.js';
import { asking } from './asking.js';

export function screenshot(options: CommandOptions<'screenshot'>, stage: Stage): Promise<number> {
  const { instance, uuid, file } = options;
  return asking(stage, async () => {
    const answer = await request(instance, { request: 'screenshot', uuid }, stage.signal);
    if (answer === undefined) return INTERRUPTED;
    const png = Buffer.from((answer as { readonly png: string }).png, 'base64');
    try {
      await writeFile(file, png);
    } catch (error) {
      stage.errors.write(`mediated: ${file} cannot be written: ${(error as Error).message}\n`);
      return 1;
    }
    // Width and height stand in the file's first chunk.
    stage.output.write(`${file}: ${png.readUInt32BE(16)} x ${png.readUInt32BE(20)}\n`);
    return undefined;
  });
}
