/**
 * The kernel modules that the recordings load, and what stands for them here. `units` is what a device of a type takes
 * of the module's capacity; the replayer infers types of devices from it that no recorded step created.
 */
import { mbochsUrl, mdpyUrl, mttyUrl } from '@mediated/vendors';

export interface Module {
  readonly name: string;
  readonly url: URL;
  readonly parent: string;
  readonly capacity: number;
  /** By type directory. The first one's `available_instances` tells all that is left. */
  readonly units: Readonly<Record<string, number>>;
  /** Whether an unbound device still takes its units. */
  readonly unboundCounts: boolean;
}

const LIST: readonly Module[] = [
  {
    name: 'mtty',
    url: mttyUrl,
    parent: 'mtty',
    capacity: 24,
    units: { 'mtty-1': 1, 'mtty-2': 2 },
    unboundCounts: false,
  },
  {
    name: 'mdpy',
    url: mdpyUrl,
    parent: 'mdpy',
    capacity: 4,
    units: { 'mdpy-vga': 1, 'mdpy-xga': 1, 'mdpy-hd': 1 },
    unboundCounts: true,
  },
  {
    name: 'mbochs',
    url: mbochsUrl,
    parent: 'mbochs',
    capacity: 256,
    units: { 'mbochs-small': 4, 'mbochs-medium': 16, 'mbochs-large': 64 },
    unboundCounts: false,
  },
];

export const MODULES: ReadonlyMap<string, Module> = new Map(LIST.map((module) => [module.name, module]));

/** The types of a module, which may not exist. */
export function moduleTypes(name: string): string[] {
  return Object.keys(MODULES.get(name)?.units ?? {});
}

/** The module of a type directory. */
export function moduleOfType(type: string): Module | undefined {
  return LIST.find((module) => type in module.units);
}

/** Units in use by what `available_instances` says; undefined when the module is not loaded. */
export function unitsInUse(module: Module, available: Readonly<Record<string, number>>): number | undefined {
  const [type, units] = Object.entries(module.units)[0];
  const left = available[type];
  return left === undefined ? undefined : module.capacity - left * units;
}
