/**
 * The package's entry: searches the executions of a scenario for one that fails.
 */
import { Expedition } from './expedition.js';
import { type Exploration, ExplorationError, type ExploreOptions } from './exploration.js';
import { Player } from './player.js';
import { subjectOf } from './subject.js';
import type { Scenario, ScenarioModule } from './world.js';

/**
 * Searches a scenario. Rejects with an {@link ExplorationError} that shows the shortest schedule found when an execution
 * fails, and with another error when the scenario cannot be explored (it is not deterministic, it blocks elsewhere).
 */
export async function explore(
  name: string,
  scenario: Scenario | ScenarioModule,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const exploration = await search(name, scenario, options);
  const { failure } = exploration;
  if (failure !== undefined) throw new ExplorationError({ ...exploration, failure });
  return exploration;
}

/** As {@link explore}, with the failure in the answer. */
export async function search(
  name: string,
  scenario: Scenario | ScenarioModule,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const subject = subjectOf(name, scenario, options.base, options.replacements ?? [], options.parameters ?? {});
  const limits = { kills: options.kills ?? 0, steps: options.steps ?? 5000 };
  const player = await Player.start(subject, limits);
  try {
    return await new Expedition(name, player, options).run();
  } finally {
    await player.stop();
  }
}
