/** `@mediated/explorer`: searches the interleavings of threads that share memory. */
export {
  type Exploration,
  ExplorationError,
  explore,
  type ExploreOptions,
  type Failure,
  search,
} from './explore.js';
export type { FailureKind } from './failure.js';
export type { Replacement, Scenario, ScenarioModule, ThreadOptions, World } from './world.js';
