/**
 * The root of the tree, whose layout is that of `/sys`: `bus`, `class`, `devices`, `kernel`, `module`. Made by the thread that
 * serves the mount.
 */
import type { Bus } from '@mediated/core';
import { busesDirectory } from './buses.js';
import { classesDirectory } from './classes.js';
import { devicesDirectory } from './devices.js';
import { type Directory, directory } from './entry.js';
import { groupsDirectory } from './iommu-groups.js';
import { modulesDirectory } from './modules.js';
import type { PciFunctions } from './pci-functions.js';

/** What the tree shows. */
export interface TreeSource {
  readonly bus: Bus;
  readonly pci: PciFunctions;
}

export function rootDirectory(source: TreeSource): Directory {
  const groups = groupsDirectory(source);
  const kernel = directory(() => [['iommu_groups', groups]]);
  const entries = [
    ['bus', busesDirectory(source)],
    ['class', classesDirectory(source)],
    ['devices', devicesDirectory(source, '/devices')],
    ['kernel', kernel],
    ['module', modulesDirectory(source)],
  ] as const;
  return directory(() => entries);
}
