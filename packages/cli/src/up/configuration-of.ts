/** The configuration that a command line of `mediated up` means. Called by `up.ts` on the main thread. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CommandOptions } from '../commands.js';
import { DEFAULT_CONFIGURATION } from '../examples.js';
import { unreadable } from '../unreadable.js';
import type { Configuration } from './configuration.js';
import { ConfigurationError, readConfiguration } from './read-configuration.js';

/**
 * What the file says, and the driver of `--driver` behind those of the file; where no file is named, that driver alone.
 * Rejects with a `ConfigurationError`.
 */
export async function configurationOf({ config, driver }: CommandOptions<'up'>): Promise<Configuration> {
  if (driver === '') return readConfiguration(config);
  const file = resolve(driver);
  const place = `--driver ${driver}`;
  await access(file).catch((error: unknown) => {
    throw new ConfigurationError(`${place}: ${unreadable(error)}`);
  });
  const entry = { driver: pathToFileURL(file).href, place };
  if (config === DEFAULT_CONFIGURATION) return { drivers: [entry] };
  const read = await readConfiguration(config);
  return { ...read, drivers: [...read.drivers, entry] };
}
