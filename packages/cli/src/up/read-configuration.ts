/**
 * Reads and checks the file that `mediated up --config` names, on the main thread. A wrong file is told of with everything
 * that is wrong in it: where, what was found, what was expected.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { CONFIGURATION_SCHEMA } from '../examples.js';
import { unreadable } from '../unreadable.js';
import { complaintOf } from './complaint.js';
import type { Configuration, DriverEntry } from './configuration.js';
import { isShipped, SHIPPED_NAMES } from './shipped-drivers.js';

/** A file that is no configuration. The message has a line per complaint. */
export class ConfigurationError extends Error {}

/** Most complaints that are told. */
const MOST_COMPLAINTS = 12;
/** Bytes. A configuration with all parents that a runtime takes is smaller. */
const LARGEST_FILE = 4 * 2 ** 20;

/** The configuration in a file. Rejects with a {@link ConfigurationError}. */
export async function readConfiguration(file: string): Promise<Configuration> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${file}: ${unreadable(error)}`);
  }
  if (text.length > LARGEST_FILE) throw new ConfigurationError(`${file}: it has more than ${LARGEST_FILE} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`${file}: it is no JSON: ${(error as Error).message}`);
  }
  return checkConfiguration(value, file);
}

/** Made when it is first needed: that takes longer than many checks. */
let validator: ValidateFunction<Configuration> | undefined;

function validatorOf(schema: URL): ValidateFunction<Configuration> {
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
  return ajv.compile<Configuration>(JSON.parse(readFileSync(schema, 'utf8')) as object);
}

/** The configuration that a value is, read from `file`. Throws a {@link ConfigurationError}. */
export function checkConfiguration(value: unknown, file: string): Configuration {
  validator ??= validatorOf(CONFIGURATION_SCHEMA);
  const validate = validator;
  if (!validate(value)) {
    const complaints = [...new Set((validate.errors ?? []).map(complaintOf))];
    throw new ConfigurationError(tell(file, complaints));
  }
  const unknown = value.drivers.flatMap(({ driver }, at) =>
    isShipped(driver) || isPath(driver) ? [] : [{ driver, at }],
  );
  if (unknown.length > 0) {
    const expected = `one of ${SHIPPED_NAMES.join(', ')}, or a module, as ./driver.js relative to the file`;
    throw new ConfigurationError(
      tell(
        file,
        unknown.map(({ driver, at }) => `/drivers/${at}/driver: found ${JSON.stringify(driver)}, expected ${expected}`),
      ),
    );
  }
  return resolvePaths(value, dirname(resolve(file)));
}

/** Whether a driver or a profile is named by a path, and not by the name of a shipped one. */
function isPath(name: string): boolean {
  return /^(\.{0,2}\/|file:)/.test(name);
}

function resolvePaths(configuration: Configuration, folder: string): Configuration {
  const { mount, definitions, sockets } = configuration;
  return {
    ...configuration,
    ...(typeof mount === 'string' ? { mount: resolve(folder, mount) } : {}),
    ...(definitions === undefined ? {} : { definitions: resolve(folder, definitions) }),
    ...(sockets === undefined ? {} : { sockets: resolve(folder, sockets) }),
    drivers: configuration.drivers.map((entry): DriverEntry => {
      const { driver, profile } = entry;
      return {
        ...entry,
        driver: isPath(driver) && !driver.startsWith('file:') ? pathToFileURL(resolve(folder, driver)).href : driver,
        ...(profile !== undefined && isPath(profile) && !profile.startsWith('file:')
          ? { profile: resolve(folder, profile) }
          : {}),
      };
    }),
  };
}

function tell(file: string, complaints: readonly string[]): string {
  const shown = complaints.slice(0, MOST_COMPLAINTS);
  const more = complaints.length - shown.length;
  return [`${file} is no configuration:`, ...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n  ');
}
