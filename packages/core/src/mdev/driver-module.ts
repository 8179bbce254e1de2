/**
 * Loading and checking of driver modules; by the supervising thread before a driver is registered, and on each of the
 * driver's threads.
 */
import { MediatedError } from '../errors.js';
import type { DriverModule, MdevDriver } from './driver.js';
import { refuse } from './driver-configuration.js';

/**
 * Imports a driver module and checks that it exports one; what it declares is checked in `driver-configuration.ts`.
 * Errors: EINVAL with the reason; the cause is what the import threw.
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
  if (typeof module.start !== 'function') refuse(url, 'has no start function');
  if (module.configure !== undefined && typeof module.configure !== 'function') {
    refuse(url, 'has a configure that is no function');
  }
  return module as DriverModule;
}

const CALLBACKS = [
  'probe',
  'remove',
  'admitRemove',
  'getAvailable',
  'reportAvailable',
  'showDescription',
  'stop',
] as const;

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
  const isNamed = (attribute: unknown) => typeof (attribute as { path?: unknown } | null)?.path === 'string';
  for (const list of ['attributes', 'parentAttributes'] as const) {
    const attributes: unknown = driver[list] ?? [];
    if (!Array.isArray(attributes) || !attributes.every(isNamed)) throw invalid(`${list} that are no list of files`);
  }
  return driver;
}
