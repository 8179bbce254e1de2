/** The configuration that a command line of `mediated up` means. Called by `up.ts` on the main thread. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CommandOptions } from '../commands.js';
import { DEFAULT_CONFIGURATION } from '../examples.js';
import type { Configuration } from './configuration.js';
import { readConfiguration } from './read-configuration.js';

/**
 * What the file says, and the driver of `--driver` behind those of the file; where no file is named, that driver alone.
 * Rejects with a `ConfigurationError`.
 */
export async function configurationOf({ config, driver }: CommandOptions<'up'>): Promise<Configuration> {
  if (driver === '') return readConfiguration(config);
  const entry = { driver: pathToFileURL(resolve(driver)).href, place: '--driver' };
  if (config === DEFAULT_CONFIGURATION) return { drivers: [entry] };
  const read = await readConfiguration(config);
  return { ...read, drivers: [...read.drivers, entry] };
}
