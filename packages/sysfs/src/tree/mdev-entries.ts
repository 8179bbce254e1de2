/**
 * The directory of a mediated device: what the core knows of it, its `power` directory, and the vfio device below it while it
 * is registered.
 */
import { posix } from 'node:path';
import { deviceDirectory, emitChild, type Mdev } from '@mediated/core';
import { attributeEntries } from './attribute-entries.js';
import { type Directory, directory, type Entry, file, link } from './entry.js';
import { lifeOf, pathOf } from './every-device.js';
import { powerDirectory } from './power.js';
import type { TreeSource } from './tree.js';
import { writtenAction } from './written-action.js';

export function mdevDirectory(source: TreeSource, mdev: Mdev): Directory {
  const power = powerDirectory(() => mdev.presence.directory);
  const lookup = (name: string): Entry | undefined => {
    if (name === 'power') return power;
    return name === 'vfio-dev' && isRegistered(mdev) ? vfioDirectory(source, mdev) : undefined;
  };
  return attributeEntries(deviceDirectory(mdev), {
    life: lifeOf(mdev),
    stay: 'passing',
    files: 'passing',
    links: 'passing',
    lookup,
    *list() {
      for (const name of ['power', 'vfio-dev']) {
        const entry = lookup(name);
        if (entry !== undefined) yield [name, entry];
      }
    },
  });
}

/** Whether its framework has it registered: it has a number, and its removal has not begun. */
export function isRegistered(mdev: Mdev): boolean {
  return mdev.presence.driver && mdev.number !== undefined;
}

function vfioDirectory({ bus }: TreeSource, mdev: Mdev): Directory {
  const number = mdev.number ?? 0;
  const path = `${pathOf(mdev)}/vfio-dev/vfio${number}`;
  const exists = () => isRegistered(mdev);
  const uevent = file({
    path: 'uevent',
    mode: 0o644,
    alive: exists,
    show: () => '',
    store: (bytes) => emitChild(bus.memory, writtenAction(bytes), mdev.index, 'vfio-dev', 'vfio', number),
  });
  const device = directory(
    () => [
      ['device', link(`../../../${mdev.name}`)],
      ['power', powerDirectory(exists)],
      ['subsystem', link(posix.relative(path, '/class/vfio-dev'))],
      ['uevent', uevent],
    ],
    { life: String(number), stay: 'passing', exists },
  );
  return directory(() => [[`vfio${number}`, device]], { stay: 'passing', exists });
}
