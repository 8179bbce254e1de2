/** `mediated trace`: records what the threads of a running instance do into a file for Perfetto. Main thread. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import type { TraceBatch } from '../control/protocol.js';
import { counted } from '../counted.js';
import { endOf } from '../limit.js';
import { Progress } from '../progress.js';
import type { Stage } from '../stage.js';
import { PerfettoTrace } from '../trace/perfetto.js';
import { asking } from './asking.js';

export function trace({ instance, file, for: seconds }: CommandOptions<'trace'>, stage: Stage): Promise<number> {
  return asking(stage, async () => {
    const stream = createWriteStream(file);
    try {
      await once(stream, 'open');
    } catch (error) {
      stage.errors.write(`mediated: ${file} cannot be written: ${(error as Error).message}\n`);
      return 1;
    }
    const failed = new AbortController();
    let failure: Error | undefined;
    stream.on('error', (error) => {
      failure = error;
      failed.abort();
    });
    const written = new PerfettoTrace((text) => stream.write(text));
    const progress = new Progress(stage.errors);
    const signal = endOf([stage.signal, failed.signal], seconds);
    try {
      await request(instance, { request: 'trace' }, signal, (line) => {
        if ('begun' in line) {
          return progress.update(`recording into ${file}; ${seconds === 0 ? 'Ctrl-C ends it' : `for ${seconds} s`}`);
        }
        if ('lost' in line) return written.addLost(line.lost);
        written.add(line.event as TraceBatch);
        progress.update(`recording into ${file}: ${counted(written.events, 'event')}`);
      });
    } finally {
      progress.end();
      written.end();
      stream.end();
      // What fails is told below.
      await finished(stream).catch(() => {});
    }
    if (failure !== undefined) {
      stage.errors.write(`mediated: ${file} cannot be written: ${failure.message}\n`);
      return 1;
    }
    const missing = written.lost === 0 ? '' : `, ${counted(written.lost, 'record')} missed`;
    stage.output.write(`${file}: ${counted(written.events, 'event')}${missing}; open it in https://ui.perfetto.dev\n`);
    return undefined;
  });
}
