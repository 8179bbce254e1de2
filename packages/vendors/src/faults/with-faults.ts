/**
 * Entry `@mediated/vendors/faults`: makes a driver module one that can be told to misbehave (docs/drivers/faults.md).
 * Wraps the running driver on each of its threads; what is to go wrong lies in shared words of each parent
 * (`fault-words.ts`). While nothing is, a create pays three plain loads and a removal four.
 */
import {
  type BudgetSpec,
  type DriverModule,
  isThenable,
  type MdevDevice,
  type MdevDriver,
  MediatedError,
  type MdevParent,
  type ParentAttribute,
} from '@mediated/core';
import { FAULT_FILES, initialFaults, invalid, written } from './fault-files.js';
import { createsAreSound, FaultWords, removalsAreSound } from './fault-words.js';

/** What a wrapped driver's threads and its framework get as options. */
interface WrappedOptions {
  /** False: there are no faults, and no files for them. */
  readonly faults: boolean;
  readonly options: unknown;
}

/**
 * The module with faults. Its load options may have `faults`: false to have it as if it had not been wrapped, or an
 * object with the names and texts of the attributes. The rest of the options is the driver's.
 */
export function withFaults<Shared extends Record<string, BudgetSpec>>(
  module: DriverModule<Shared>,
): DriverModule<Shared> {
  return {
    ...module,
    async configure(all, threads) {
      const { faults, options } = split(all);
      const configured = { options, ...(await module.configure?.(options, threads)) };
      const wrapped: WrappedOptions = { faults: faults !== false, options: configured.options };
      if (faults === false) return { ...configured, options: wrapped };
      const { types = module.types, perParent = module.perParent } = configured;
      const words = initialFaults(faults, Array.isArray(types) ? types.map(({ sysfsName }) => sysfsName) : []);
      return {
        ...configured,
        options: wrapped,
        perParent: { ...perParent, memory: { ...perParent?.memory, faults: words } },
      };
    },
    ...(module.supervise === undefined
      ? {}
      : { supervise: (memory, options) => module.supervise!(memory, (options as WrappedOptions).options) }),
    start(host) {
      const { faults, options } = host.options as WrappedOptions;
      const started = module.start({ ...host, options });
      if (!faults) return started;
      return isThenable(started) ? Promise.resolve(started).then(makeFaulty) : makeFaulty(started as MdevDriver);
    },
  };
}

/** `faults` apart from the driver's own options. */
function split(all: unknown): { faults: unknown; options: unknown } {
  if (typeof all !== 'object' || all === null || !('faults' in all)) return { faults: undefined, options: all };
  const { faults, ...options } = all;
  return { faults, options };
}

/** Changes the callbacks of a driver in place: frameworks know theirs by its class. */
function makeFaulty(driver: MdevDriver): MdevDriver {
  const probe = driver.probe?.bind(driver);
  const remove = driver.remove?.bind(driver);
  const admitRemove = driver.admitRemove?.bind(driver);
  const reportAvailable = driver.reportAvailable?.bind(driver);
  const callbacks: MdevDriver = {
    probe(device) {
      const words = wordsOf(device);
      return createsAreSound(words) ? probe?.(device) : faultyProbe(words, () => probe?.(device));
    },
    remove(device) {
      const words = wordsOf(device);
      if (removalsAreSound(words)) return remove?.(device);
      const delay = new FaultWords(words).takeDelay('remove');
      return delay === undefined ? remove?.(device) : after(delay).then(() => remove?.(device));
    },
    admitRemove(device) {
      const words = wordsOf(device);
      const code = removalsAreSound(words) ? undefined : new FaultWords(words).takeFailure('remove');
      if (code === undefined) return admitRemove?.(device);
      throw new MediatedError(code, 'a fault was injected into the removal (faults/fail_remove)', {
        syscall: 'remove',
      });
    },
    reportAvailable(type, available) {
      const faults = new FaultWords(type.parentDevice.memory.faults);
      return faults.reported(type.index) ?? faults.reported() ?? reportAvailable?.(type, available) ?? available;
    },
    parentAttributes: [...(driver.parentAttributes ?? []), ...ATTRIBUTES],
  };
  return Object.assign(driver, callbacks);
}

function wordsOf(device: MdevDevice): Int32Array {
  return device.type.parentDevice.memory.faults;
}

/** A create takes all of its faults when it begins; then it is late, then held, and fails in the end. */
function faultyProbe(words: Int32Array, probe: () => void | Promise<void>): void | Promise<void> {
  const faults = new FaultWords(words);
  const code = faults.takeFailure('create');
  const delay = faults.takeDelay('create');
  const ticket = faults.takeHold();
  const finish = () => {
    if (code === undefined) return probe();
    throw new MediatedError(code, 'a fault was injected into the create (faults/fail_create)', { syscall: 'create' });
  };
  if (delay === undefined && ticket === undefined) return finish();
  return (async () => {
    if (delay !== undefined) await after(delay);
    if (ticket !== undefined) await faults.released(ticket);
    await finish();
  })();
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function typeNames({ types }: MdevParent): string[] {
  return types.map(({ sysfsName }) => sysfsName);
}

const ATTRIBUTES: readonly ParentAttribute[] = [
  ...FAULT_FILES.map(
    ({ name, show, store }): ParentAttribute => ({
      path: `faults/${name}`,
      ...(show === undefined
        ? {}
        : { show: (parent) => `${show(new FaultWords(parent.memory.faults), typeNames(parent))}\n` }),
      ...(store === undefined
        ? {}
        : { store: (parent, text) => store(new FaultWords(parent.memory.faults), written(text), typeNames(parent)) }),
    }),
  ),
  {
    path: 'faults/unplug',
    store(parent, text) {
      if (written(text) !== '1') throw invalid('write 1 to take the parent away');
      parent.unplug();
    },
  },
];
