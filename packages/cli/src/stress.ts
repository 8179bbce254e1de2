/** `mediated stress`: a storm alone. Runs on the main thread; called by `main.ts`. */
import { counted } from './counted.js';
import type { CommandOptions } from './commands.js';
import { rage } from './rage.js';
import type { Stage } from './stage.js';
import { Bench } from './storm/bench.js';

/** Answers the exit status. */
export async function stress(options: CommandOptions<'stress'>, stage: Stage): Promise<number> {
  const { seed, seconds, operations, parents, clients, gate } = options;
  const cards = Math.floor(parents / 2);
  stage.output.write(
    `storm: ${counted(parents, 'parent')}, ${counted(clients, 'client')}, gate ${gate}, ${seconds} s, seed ${seed}\n`,
  );
  const bench = await Bench.start({ gate, seed, cards, stormParents: parents - cards });
  try {
    return await rage(bench, { seconds, operations, clients }, stage);
  } finally {
    await bench.close();
  }
}
