/**
 * `mediated demo`: shows the devices that a folder of definitions describes, and what in it cannot be used.
 * Runs on the main thread; called by `main.ts`.
 */
import { type Definition, readDefinitions } from './definitions.js';
import type { CommandOptions } from './commands.js';
import { formatTable } from './table.js';
import { type Output, painter } from './terminal.js';

/** Answers the exit status: 0, or 1 when nothing could be read. */
export async function demo(options: CommandOptions<'demo'>, output: Output, errors: Output): Promise<number> {
  const { definitions, problems } = await readDefinitions(options.definitions);
  const paint = painter(output);
  const paintError = painter(errors);
  if (definitions.length > 0) {
    const [titles = '', ...lines] = formatTable(
      [{ title: 'parent' }, { title: 'uuid' }, { title: 'type' }, { title: 'start' }, { title: 'attributes' }],
      definitions.map((each) => [each.parent, each.uuid, each.type, each.start, attributes(each)]),
      output.columns ?? 80,
    );
    output.write(`${[paint('title', titles), ...lines].join('\n')}\n`);
  }
  for (const { file, reason } of problems) errors.write(`${paintError('bad', 'not used')} ${file}: ${reason}\n`);
  return definitions.length > 0 ? 0 : 1;
}

function attributes({ attrs }: Definition): string {
  return attrs.map(({ name, value }) => `${name}=${value}`).join(' ');
}
