/** `@mediated/explorer`: searches the interleavings of threads that share memory. */
export { type Exploration, ExplorationError, type ExploreOptions, type Failure } from './exploration.js';
export { explore, search } from './explore.js';
export type { FailureKind } from './failure.js';
export type { Replacement, Scenario, ScenarioModule, ThreadOptions, World } from './world.js';
