/**
 * Loading and checking of driver modules; by the supervising thread before a driver is registered, and on each of the
 * driver's threads.
 */
import { MediatedError } from '../errors.js';
import type { DriverModule } from './driver.js';
import { MAX_TYPES } from './layout.js';

function refuse(url: string, reason: string): never {
  throw new MediatedError('EINVAL', `driver module ${url}: ${reason}`, { syscall: 'loadDriver' });
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
    throw new MediatedError('EINVAL', `driver module ${url} does not load: ${reason}`, { syscall: 'loadDriver', cause });
  }
  if (typeof exported !== 'object' || exported === null) refuse(url, 'has no default export; use defineDriver');
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
    if (type.prettyName !== undefined && (typeof type.prettyName !== 'string' || Buffer.byteLength(type.prettyName) > 63)) {
      refuse(url, `pretty name of type ${type.sysfsName} is longer than 63 bytes`);
    }
  }
  const { maxInstances = 0 } = module;
  if (!Number.isInteger(maxInstances) || maxInstances < 0) refuse(url, `maxInstances ${maxInstances} is no count`);
  return module as DriverModule;
}
