/**
 * Creates the devices of a folder of definitions on a bus, all at once. What cannot be created is refused with its file
 * and reason and keeps no other from being created. Called by `demo.ts` and `up.ts` on the main thread.
 */
import type { Bus, Mdev } from '@mediated/core';
import { type Definition, type Definitions, refuseDefinition } from './definitions.js';

/** Devices by the UUID of their definition, in the order of the definitions. */
export type BroughtUp = ReadonlyMap<string, Mdev>;

/**
 * Creates what is to be started automatically; a definition that is refused moves to `read.problems`. `progress` is told how
 * many of them are through.
 */
export async function bringUp(
  bus: Bus,
  read: Definitions,
  progress: (through: number, all: number) => void = () => {},
): Promise<BroughtUp> {
  const created = new Map<string, Mdev>();
  const all = read.definitions.filter((definition) => definition.start === 'auto').length;
  let through = 0;
  const starting = read.definitions.map(async (definition) => {
    const refusal = unusable(bus, definition);
    if (definition.start === 'manual') return refusal === undefined ? { definition } : { definition, refusal };
    try {
      if (refusal !== undefined) return { definition, refusal };
      return { definition, mdev: await start(bus, definition) };
    } catch (error) {
      return { definition, refusal: error instanceof Error ? error.message : String(error) };
    } finally {
      progress(++through, all);
    }
  });
  for (const { definition, refusal, mdev } of await Promise.all(starting)) {
    if (refusal !== undefined) refuseDefinition(read, definition, refusal);
    else if (mdev !== undefined) created.set(definition.uuid, mdev);
  }
  return created;
}

/** Why no device of this definition can be on this bus. */
function unusable(bus: Bus, { parent, type }: Definition): string | undefined {
  const found = bus.parents().find(({ name }) => name === parent);
  if (found === undefined)
    return `there is no parent ${parent} (there are: ${list(bus.parents().map(({ name }) => name))})`;
  const types = found.types.map(({ id }) => id);
  return types.includes(type) ? undefined : `${parent} has no type ${type} (it has: ${list(types)})`;
}

/** As mdevctl does it: a device whose attributes cannot be written is taken back. */
async function start(bus: Bus, { parent, type, uuid, attrs }: Definition): Promise<Mdev> {
  const mdev = await bus.parent(parent).create(type, uuid);
  try {
    for (const { name, value } of attrs) await mdev.storeAttribute(name, value);
  } catch (error) {
    await mdev.remove();
    throw error;
  }
  return mdev;
}

function list(names: readonly string[]): string {
  return [...names].sort().join(', ') || 'none';
}
