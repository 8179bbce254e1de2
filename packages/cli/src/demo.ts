/**
 * `mediated demo`: devices from a folder of definitions, the life of one of them, a storm. Runs on the main thread;
 * called by `main.ts`.
 */
import type { Uevent } from '@mediated/core';
import { type BroughtUp, bringUp } from './bring-up.js';
import type { CommandOptions } from './commands.js';
import { type Definitions, readDefinitions } from './definitions.js';
import { INTERRUPTED } from './interruption.js';
import { tellLife } from './life.js';
import { rage } from './rage.js';
import type { Stage } from './stage.js';
import { Bench } from './storm/bench.js';
import { formatTable } from './table.js';
import { columnsOf, type Output, painter } from './terminal.js';

/** Parents: enough for the definitions that come with the program, and two that watch the storm. */
const CARDS = 4;
const STORM_PARENTS = 2;
const CLIENTS = 3;

/** Answers the exit status. */
export async function demo(
  { definitions: folder, seed, seconds }: CommandOptions<'demo'>,
  stage: Stage,
): Promise<number> {
  const { output, errors, signal } = stage;
  const paint = painter(output);
  const title = (text: string) => output.write(`\n${paint('title', text)}\n`);
  const read = await readDefinitions(folder);
  if (read.definitions.length === 0) {
    tellProblems(read, errors);
    errors.write(`mediated: ${folder} defines no device; --definitions DIR reads the files DIR/PARENT/UUID\n`);
    return 1;
  }
  const uuids = read.definitions.map(({ uuid }) => uuid);
  const bench = await Bench.start({ gate: 'rwsem', seed, cards: CARDS, stormParents: STORM_PARENTS, uuids });
  try {
    const events: Uevent[] = [];
    bench.bus.events.on('uevent', (event) => events.push(event));
    title(`${CARDS} serial cards (mtty), each on its own thread; devices from ${folder}`);
    const created = await bringUp(bench.bus, read);
    tellDevices(read, created, output);
    tellProblems(read, errors);
    const [first] = [...created.values()].filter(({ parent }) => parent.driver === 'mtty');
    if (first !== undefined) {
      title('The life of one device');
      await tellLife(bench.bus, first, events, {
        say: (sentence) => output.write(`${sentence}\n`),
        show: (what) => output.write(`${paint('aside', `    ${what}`)}\n`),
      });
    }
    // From here on there are too many events to be worth following.
    bench.bus.close();
    if (signal.aborted) return INTERRUPTED;
    title(`A storm on all parents: ${CLIENTS} client threads, ${seconds} s, seed ${seed}`);
    return await rage(bench, { seconds, operations: 0, clients: CLIENTS }, stage);
  } finally {
    await bench.close();
  }
}

function tellDevices({ definitions }: Definitions, created: BroughtUp, output: Output): void {
  const lines = formatTable(
    [{ title: 'parent' }, { title: 'uuid' }, { title: 'type' }, { title: 'start' }, { title: 'now' }],
    definitions.map(({ parent, uuid, type, start }) => {
      return [parent, uuid, type, start, created.has(uuid) ? 'created' : 'defined only'];
    }),
    Math.min(columnsOf(output), 80),
  );
  output.write(`${lines.join('\n')}\n`);
}

function tellProblems({ problems }: Definitions, errors: Output): void {
  const paint = painter(errors);
  for (const { file, reason } of problems) errors.write(`${paint('bad', 'not used')} ${file}: ${reason}\n`);
}
