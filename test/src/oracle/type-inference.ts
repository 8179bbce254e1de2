/**
 * Which types devices have that no recorded step created: told by `available_instances`, which must come out as
 * recorded, and by the drivers that later steps unbind them from. Pure functions.
 */
import { type Module, MODULES, moduleOfType, unitsInUse } from './modules.js';
import type { Fields } from './recording.js';
import { numbers, text, texts } from './recording.js';

/** Units that each module must have in use once the devices exist. */
export type Units = ReadonlyMap<string, number>;

/** A device whose type is wanted, and what is known of it. */
export interface Unknown {
  readonly uuid: string;
  readonly type?: string | undefined;
  readonly module?: string | undefined;
  /** The step is about this one: if one is unbound, it is. */
  readonly suspect?: boolean;
  /** What it takes is given back by the step, and so does not show after it. */
  readonly freed?: 'remove' | 'unbind' | undefined;
}

/** What a device is taken for. */
export interface Guess {
  readonly type: string;
  readonly bound: boolean;
}

/** Units that a device has in use after a step. */
export function countedUnits(module: Module, type: string, bound: boolean, freed?: 'remove' | 'unbind'): number {
  if (freed === 'remove' || ((freed === 'unbind' || !bound) && !module.unboundCounts)) return 0;
  return module.units[type];
}

/** Units in use of every module whose types are listed. */
export function unitsOf(available: Readonly<Record<string, number>>): Map<string, number> {
  const units = new Map<string, number>();
  for (const module of MODULES.values()) {
    const used = unitsInUse(module, available);
    if (used !== undefined) units.set(module.name, used);
  }
  return units;
}

/**
 * Types for devices so that each module in `needed` takes just so many units more; modules that are not in it may take
 * any. Types that `words` names are tried first, in that order. With `unbound`, devices may be unbound if their module
 * shows it. Undefined when nothing fits.
 */
export function inferTypes(
  unknown: readonly Unknown[],
  needed: Units,
  words: string,
  unbound = false,
): Guess[] | undefined {
  const named = [...words.matchAll(/\b(?:mtty-[12]|mdpy-\w+|mbochs-\w+)\b/g)].map(([type]) => type);
  const all = [...MODULES.values()].flatMap((module) => Object.keys(module.units));
  const types = [...new Set([...named.filter((type) => all.includes(type)), ...all])];
  const left = new Map(needed);
  const chosen: Guess[] = [];
  let tries = 0;
  const candidates = (device: Unknown): Guess[] => {
    const fitting = types.filter(
      (type) =>
        (device.type === undefined || device.type === type) &&
        (device.module === undefined || moduleOfType(type)?.name === device.module),
    );
    const bound = fitting.map((type) => ({ type, bound: true }));
    if (!unbound || device.freed === 'unbind') return bound;
    const free = fitting.filter((type) => moduleOfType(type)?.unboundCounts === false);
    const loose = free.map((type) => ({ type, bound: false }));
    return device.suspect === true ? [...loose, ...bound] : [...bound, ...loose];
  };
  const choose = (at: number): boolean => {
    if (++tries > 100_000) return false;
    if (at === unknown.length) return [...left.values()].every((units) => units === 0);
    for (const guess of candidates(unknown[at])) {
      const module = moduleOfType(guess.type);
      if (module === undefined) continue;
      const units = countedUnits(module, guess.type, guess.bound, unknown[at].freed);
      const before = left.get(module.name);
      if (before !== undefined && before < units) continue;
      if (before !== undefined) left.set(module.name, before - units);
      chosen.push(guess);
      if (choose(at + 1)) return true;
      chosen.pop();
      if (before !== undefined) left.set(module.name, before);
    }
    return false;
  };
  return choose(0) ? chosen : undefined;
}

/** The driver that a later step unbinds a device from, while the device stays. */
export function unbindHint(lines: readonly Fields[], from: number, uuid: string): string | undefined {
  for (const line of lines.slice(from)) {
    const driver = /\/drivers\/([^/]+)\/unbind$/.exec(text(line, 'path') ?? '')?.[1];
    if (driver !== undefined && Number(line.ret) > 0 && (text(line, 'data') ?? '').startsWith(uuid)) return driver;
    if (!(texts(line, 'devices') ?? [uuid]).includes(uuid)) return undefined;
  }
  return undefined;
}

/** Units in use after a step, as recorded. */
export function recordedUnits(fields: Fields): Map<string, number> {
  return unitsOf(numbers(fields, 'avail') ?? {});
}
