/**
 * Configurations of piscina with one thread that a user with many tasks in flight may choose from: the first is what one
 * gets who sets nothing. Parts that have piscina as a peer compare with that one and with the fastest of all.
 */
import { IN_FLIGHT } from './timing.js';

/** Options beside the file and the number of threads. */
export interface PiscinaConfiguration {
  readonly concurrentTasksPerWorker?: number;
  readonly atomics?: 'disabled';
}

/** By what the report calls them. */
export const PISCINA_CONFIGURATIONS: readonly {
  readonly name: string;
  readonly configuration: PiscinaConfiguration;
}[] = [
  { name: 'its default options', configuration: {} },
  { name: `${IN_FLIGHT} tasks per worker`, configuration: { concurrentTasksPerWorker: IN_FLIGHT } },
  {
    name: `${IN_FLIGHT} tasks per worker, no atomics`,
    configuration: { concurrentTasksPerWorker: IN_FLIGHT, atomics: 'disabled' },
  },
];
