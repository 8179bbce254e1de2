/**
 * Profiles: what a kind of physical device offers, as JSON (docs/drivers/vgpu.md). Read and checked by the supervising
 * thread when the driver is loaded; the driver's threads get the checked object. Pure, but for reading files.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MediatedError } from '@mediated/core';
import { type Problem, problemsOf, type Schema } from './schema.js';

/** A vendor attribute. */
export interface ProfileAttribute {
  readonly value: string;
  readonly writable?: boolean;
}

/** A type. */
export interface ProfileType {
  readonly name: string;
  readonly prettyName?: string;
  readonly description?: string | readonly string[];
  /** MiB. */
  readonly framebuffer?: number;
  readonly instances?: number;
  readonly group?: string;
  readonly needs?: Readonly<Record<string, number>>;
}

/** A profile; its fields are described in `profile.schema.json`. */
export interface Profile {
  readonly name: string;
  readonly types: readonly ProfileType[];
  readonly typePrefix?: string;
  readonly subsystem?: string;
  readonly deviceApi?: string;
  readonly parents?: readonly { readonly name: string; readonly path?: string }[];
  readonly exclusive?: boolean;
  readonly maxInstances?: number;
  readonly resources?: Readonly<Record<string, number>>;
  readonly pci?: {
    readonly vendor: string;
    readonly device: string;
    readonly subsystemVendor?: string;
    readonly subsystemDevice?: string;
    readonly class?: string;
  };
  readonly aperture?: number;
  readonly attributes?: Readonly<Record<string, ProfileAttribute>>;
  readonly parentAttributes?: Readonly<Record<string, ProfileAttribute>>;
}

/** The package's sources, where schema and shipped profiles are; seen from `dist/vgpu`. */
const SOURCES = new URL('../../src/vgpu/', import.meta.url);

/** Problems that one message names. */
const MOST_PROBLEMS = 10;

/** The published schema. */
export function profileSchema(): Schema {
  return JSON.parse(readFileSync(new URL('profile.schema.json', SOURCES), 'utf8')) as Schema;
}

/**
 * A checked profile: of an object, of a file (a path, or a `file:` URL), or shipped, by its bare name (`a100`).
 * Errors: ENOENT (no such file), EINVAL (no JSON; or all that is wrong, each with its path, value and what was expected).
 */
export function readProfile(given: unknown): Profile {
  if (typeof given === 'string') {
    const url = locate(given);
    const where = fileURLToPath(url);
    return checkProfile(parse(where, read(url, given)), where);
  }
  if (typeof given === 'object' && given !== null) return checkProfile(given, 'given as an object');
  throw refusal(`the option profile is ${String(given)}; it is an object, a path, or one of a100, t4, m10, i915-gvtg`);
}

/** What a device of a type takes of its parent's resources. */
export function needsOf(profile: Profile, type: ProfileType): Readonly<Record<string, number>> {
  const charged = type.framebuffer !== undefined && profile.resources?.framebuffer !== undefined;
  return { ...(charged ? { framebuffer: type.framebuffer } : {}), ...type.needs };
}

/** The group of types that exist together on an exclusive parent. */
export function groupOf(type: ProfileType): string {
  return type.group === undefined ? `type ${type.name}` : `group ${type.group}`;
}

function locate(given: string): URL {
  if (/^[a-z0-9-]+$/.test(given)) return new URL(`profiles/${given}.json`, SOURCES);
  if (given.startsWith('file:')) return new URL(given);
  return pathToFileURL(isAbsolute(given) ? given : resolve(given));
}

function read(url: URL, given: string): string {
  try {
    return readFileSync(url, 'utf8');
  } catch (cause) {
    const text = `there is no profile ${given}: ${(cause as Error).message}`;
    throw new MediatedError('ENOENT', text, { syscall: 'loadDriver', cause });
  }
}

function parse(where: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refusal(`the profile ${where} is no JSON: ${(cause as Error).message}`, cause);
  }
}

function checkProfile(value: unknown, where: string): Profile {
  const problems = problemsOf(value, profileSchema());
  if (problems.length === 0) problems.push(...contradictions(value as Profile));
  if (problems.length === 0) return value as Profile;
  const lines = problems.slice(0, MOST_PROBLEMS).map(({ path, message }) => `${path || '/'}: ${message}`);
  const more = problems.length > MOST_PROBLEMS ? [`and ${problems.length - MOST_PROBLEMS} more`] : [];
  throw refusal(`the profile ${where} is wrong:\n  ${[...lines, ...more].join('\n  ')}`);
}

/** What a schema cannot say. */
function contradictions(profile: Profile): Problem[] {
  const { types, resources = {}, parents = [], aperture = 1 } = profile;
  const problems: Problem[] = [];
  const say = (path: string, message: string) => problems.push({ path, message });
  for (const [list, all] of Object.entries({ types, parents })) {
    for (const [i, { name }] of all.entries()) {
      const first = all.findIndex((other) => other.name === name);
      if (first < i) say(`/${list}/${i}/name`, `"${name}"; expected another name than that of /${list}/${first}`);
    }
  }
  if ((aperture & (aperture - 1)) !== 0) say('/aperture', `${aperture}; expected a power of two`);
  for (const [i, type] of types.entries()) {
    if (Buffer.byteLength(type.prettyName ?? '') > 63) {
      say(`/types/${i}/prettyName`, `"${type.prettyName}"; expected at most 63 bytes of UTF-8`);
    }
    for (const [resource, units] of Object.entries(needsOf(profile, type))) {
      const at = type.needs?.[resource] === undefined ? `/types/${i}/framebuffer` : `/types/${i}/needs/${resource}`;
      const has = Object.hasOwn(resources, resource) ? resources[resource] : undefined;
      const known = Object.keys(resources).join(', ') || 'none';
      if (has === undefined) say(at, `there is no such resource; expected one of /resources: ${known}`);
      else if (units > has) say(at, `${units}; expected at most the ${has} of /resources/${resource}`);
    }
    const limited = Object.keys(needsOf(profile, type)).length > 0 || type.instances !== undefined;
    if (!limited && profile.maxInstances === undefined) {
      say(
        `/types/${i}`,
        'nothing limits its number; expected instances, needs, framebuffer with a resource, or /maxInstances',
      );
    }
  }
  return problems;
}

function refusal(message: string, cause?: unknown): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'loadDriver', ...(cause === undefined ? {} : { cause }) });
}
