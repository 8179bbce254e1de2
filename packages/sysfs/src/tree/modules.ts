/** `/module`: the loaded drivers, and the two modules below them, as far as anything is known of them here. */
import { type Bus, emitObject } from '@mediated/core';
import { constant, type Directory, directory, type Entry, file, link } from './entry.js';
import { writtenAction } from './written-action.js';
import type { TreeSource } from './tree.js';

/** Modules that vendor drivers need. */
const BELOW = ['mdev', 'vfio'];

export function modulesDirectory({ bus }: TreeSource): Directory {
  return directory(() => {
    const drivers = bus.drivers();
    const entries = new Map<string, Entry>();
    for (const name of BELOW)
      entries.set(
        name,
        moduleDirectory(
          bus,
          name,
          () => true,
          [],
          () => bus.drivers(),
        ),
      );
    for (const name of drivers) {
      const alive = () => bus.drivers().includes(name);
      entries.set(
        name,
        moduleDirectory(bus, name, alive, [[`mdev:${name}`, `../../../bus/mdev/drivers/${name}`]], () => []),
      );
    }
    return entries;
  });
}

function moduleDirectory(
  bus: Bus,
  name: string,
  alive: () => boolean,
  drivers: readonly (readonly [string, string])[],
  holders: () => readonly string[],
): Directory {
  const store = (bytes: Buffer) => emitObject(bus.memory, writtenAction(bytes), '/module', name, 'module');
  return directory(
    () => [
      ...(drivers.length === 0
        ? []
        : [['drivers', directory(() => drivers.map(([name, target]) => [name, link(target)] as const))] as const]),
      ['holders', directory(() => holders().map((name) => [name, link(`../../${name}`, 'registered')] as const))],
      ['initstate', constant('initstate', 'live\n', alive)],
      ['uevent', file({ path: 'uevent', mode: 0o200, alive, store }, { stay: 'registered' })],
    ],
    { stay: 'registered', exists: alive },
  );
}
