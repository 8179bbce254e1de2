/**
 * What a driver is on the bus: its module's declaration, with what `configure` makes of the load options in its place.
 * Configured and checked once per load, by the supervising thread; the driver's threads get the configuration.
 */
import { MediatedError } from '../errors.js';
import { LARGEST_VALUE } from '../sync/ledger.js';
import type { BudgetSpec, DriverConfiguration, DriverModule, PerParent, TypeSpec } from './driver.js';
import { driverFailure } from './driver-call.js';
import { MAX_TYPES, MDEV_BUS } from './layout.js';
import type { ParentSpec } from './parent-spec.js';

/** Most bytes of one shared memory of a parent. */
const MAX_MEMORY = 2 ** 30;

/** A driver as it is loaded. */
export interface ResolvedDriver {
  readonly name: string;
  readonly deviceApi: string;
  /** The bus that it and its devices are on. */
  readonly bus: string;
  readonly types: readonly TypeSpec[];
  readonly maxInstances: number;
  readonly shared: Record<string, BudgetSpec>;
  readonly perParent: Required<PerParent>;
  readonly parents: readonly Omit<ParentSpec, 'driver'>[];
  /** For the driver's `start`. */
  readonly options: unknown;
}

/**
 * Has a module make a configuration of the load options; empty if it makes none. Supervising thread.
 * Errors: what `configure` threw; EINVAL when it returned no object.
 */
export async function configureDriver(
  url: string,
  module: DriverModule,
  options: unknown,
  threads: number,
): Promise<DriverConfiguration> {
  if (module.configure === undefined) return { options };
  let configured: unknown;
  try {
    configured = await module.configure(options, threads);
  } catch (error) {
    throw driverFailure(String(module.name ?? url), 'configure', error);
  }
  if (typeof configured === 'object' && configured !== null) return { options, ...configured };
  return refuse(url, `configure returned ${String(configured)}; it returns an object`);
}

/** A module with its configuration. Supervising thread and each of the driver's threads. */
export function resolveDriver(module: DriverModule, configuration: DriverConfiguration): ResolvedDriver {
  const { perParent = module.perParent ?? {} } = configuration;
  return {
    name: configuration.name ?? module.name,
    deviceApi: configuration.deviceApi ?? module.deviceApi,
    bus: module.bus ?? MDEV_BUS,
    types: configuration.types ?? module.types,
    maxInstances: configuration.maxInstances ?? module.maxInstances ?? 0,
    shared: { ...module.shared, ...configuration.shared },
    perParent: { budgets: perParent.budgets ?? {}, memory: perParent.memory ?? {} },
    parents: configuration.parents ?? [],
    options: configuration.options,
  };
}

/** EINVAL, with the reason, for a driver that cannot be loaded. Spec: mdev-core section 3 (no device_api: EINVAL). */
export function checkResolved(url: string, resolved: ResolvedDriver): void {
  check(url, resolved);
  checkBudgets(url, resolved.shared);
  checkBudgets(url, resolved.perParent.budgets);
  checkMemory(url, resolved.perParent.memory);
}

function check(url: string, { name, deviceApi, types, maxInstances, parents }: ResolvedDriver): void {
  if (typeof name !== 'string' || !/^[\w.+-]{1,20}$/.test(name)) {
    refuse(url, 'needs a name of 1 to 20 letters, digits, - or _');
  }
  if (typeof deviceApi !== 'string' || deviceApi === '') refuse(url, 'has no deviceApi (e.g. vfio-pci)');
  if (!Array.isArray(types)) refuse(url, 'has no list of types');
  if (types.length > MAX_TYPES) refuse(url, `declares ${types.length} types; ${MAX_TYPES} fit`);
  for (const type of types) checkType(url, type);
  if (!isCount(maxInstances)) refuse(url, `maxInstances ${maxInstances} is no count`);
  if (!Array.isArray(parents)) refuse(url, 'has parents that are no list');
}

function checkType(url: string, type: TypeSpec | null): void {
  if (typeof type?.sysfsName !== 'string' || !/^[\w.+-]{1,40}$/.test(type.sysfsName)) {
    refuse(url, `type name ${JSON.stringify(type?.sysfsName)} is not 1 to 40 letters, digits, - or _`);
  }
  const { prettyName } = type;
  if (prettyName !== undefined && (typeof prettyName !== 'string' || Buffer.byteLength(prettyName) > 63)) {
    refuse(url, `pretty name of type ${type.sysfsName} is longer than 63 bytes`);
  }
}

function checkBudgets(url: string, budgets: NonNullable<PerParent['budgets']>): void {
  for (const [budget, spec] of Object.entries(budgets)) {
    if (!isCount(spec?.budget)) refuse(url, `budget ${budget} is ${spec?.budget}; it is a whole number from 0 to 2^30`);
  }
}

function checkMemory(url: string, memory: NonNullable<PerParent['memory']>): void {
  for (const [name, size] of Object.entries(memory)) {
    if (size instanceof Int32Array) continue;
    if (!Number.isInteger(size) || size < 4 || size > MAX_MEMORY || size % 4 !== 0) {
      refuse(url, `memory ${name} has ${size} bytes; 4 to ${MAX_MEMORY}, a multiple of 4, are possible`);
    }
  }
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_VALUE;
}

/** EINVAL for a driver module. */
export function refuse(url: string, reason: string): never {
  throw new MediatedError('EINVAL', `driver module ${url}: ${reason}`, { syscall: 'loadDriver' });
}
