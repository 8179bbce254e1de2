/**
 * Loading and checking of driver modules; by the supervising thread before a driver is registered, and on each of the
 * driver's threads.
 */
import { MediatedError } from '../errors.js';
import { LARGEST_VALUE } from '../sync/ledger.js';
import type { DriverModule, MdevDriver } from './driver.js';
import { MAX_TYPES } from './layout.js';

function refuse(url: string, reason: string): never {
  throw new MediatedError('EINVAL', `driver module ${url}: ${reason}`, { syscall: 'loadDriver' });
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_VALUE;
}

/**
 * Imports a driver module and checks what it exports. Errors: EINVAL with the reason; the cause is what the import
 * threw. Spec: mdev-core section 3 (no device_api: EINVAL).
 */
export async function loadDriverModule(url: string): Promise<DriverModule> {
  let exported: unknown;
  try {
    exported = ((await import(url)) as { default?: unknown }).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MediatedError('EINVAL', `driver module ${url} does not load: ${reason}`, {
      syscall: 'loadDriver',
      cause,
    });
  }
  if (typeof exported !== 'object' || exported === null) refuse(url, 'has no default export; use defineMdevDriver');
  const module = exported as Partial<DriverModule>;
  if (typeof module.name !== 'string' || !/^[\w.+-]{1,20}$/.test(module.name)) {
    refuse(url, 'needs a name of 1 to 20 letters, digits, - or _');
  }
  if (typeof module.deviceApi !== 'string' || module.deviceApi === '') refuse(url, 'has no deviceApi (e.g. vfio-pci)');
  if (typeof module.start !== 'function') refuse(url, 'has no start function');
  if (!Array.isArray(module.types)) refuse(url, 'has no list of types');
  if (module.types.length > MAX_TYPES) refuse(url, `declares ${module.types.length} types; ${MAX_TYPES} fit`);
  for (const type of module.types) {
    if (typeof type?.sysfsName !== 'string' || !/^[\w.+-]{1,40}$/.test(type.sysfsName)) {
      refuse(url, `type name ${JSON.stringify(type?.sysfsName)} is not 1 to 40 letters, digits, - or _`);
    }
    if (
      type.prettyName !== undefined &&
      (typeof type.prettyName !== 'string' || Buffer.byteLength(type.prettyName) > 63)
    ) {
      refuse(url, `pretty name of type ${type.sysfsName} is longer than 63 bytes`);
    }
  }
  const { maxInstances = 0 } = module;
  if (!isCount(maxInstances)) refuse(url, `maxInstances ${maxInstances} is no count`);
  for (const [budget, spec] of Object.entries(module.shared ?? {})) {
    if (!isCount(spec?.budget)) refuse(url, `budget ${budget} is ${spec?.budget}; it is a whole number from 0 to 2^30`);
  }
  return module as DriverModule;
}

const CALLBACKS = ['probe', 'remove', 'getAvailable', 'showDescription', 'stop'] as const;

/** Checks what a driver's `start` returned. EINVAL with the reason. */
export function checkDriver(name: string, started: unknown): MdevDriver {
  const invalid = (reason: string) =>
    new MediatedError('EINVAL', `start of driver ${name} returned ${reason}`, { syscall: 'loadDriver' });
  if (typeof started !== 'object' || started === null) throw invalid('no driver');
  const driver = started as MdevDriver;
  for (const callback of CALLBACKS) {
    const value: unknown = driver[callback];
    if (value !== undefined && typeof value !== 'function') throw invalid(`a ${callback} that is no function`);
  }
  const attributes: unknown = driver.attributes ?? [];
  const isNamed = (attribute: unknown) => typeof (attribute as { path?: unknown } | null)?.path === 'string';
  if (!Array.isArray(attributes) || !attributes.every(isNamed)) throw invalid('attributes that are no list of files');
  return driver;
}
