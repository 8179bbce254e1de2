/**
 * IOMMU groups: `/kernel/iommu_groups/<number>`, and the devices `/devices/virtual/vfio/<number>` through which programs
 * open them. Numbers and members are read from the device slots.
 */
import { posix } from 'node:path';
import { emitNode, type Mdev, MediatedError } from '@mediated/core';
import { constant, type Directory, directory, type Entry, file, link } from './entry.js';
import { groupedDevices, lifeOf, MDEV_BUS, numberIn, pathOf } from './every-device.js';
import { powerDirectory } from './power.js';
import type { TreeSource } from './tree.js';
import { writtenAction } from './written-action.js';

/** Device number of the group nodes, as recorded. */
const GROUP_MAJOR = 245;

/** `/kernel/iommu_groups`. */
export function groupsDirectory(source: TreeSource): Directory {
  return {
    type: 'directory',
    life: '',
    stay: 'lasting',
    exists: () => true,
    lookup(name) {
      const number = numberIn(name);
      const first = number === undefined ? undefined : firstOf(source, number);
      return number === undefined || first === undefined ? undefined : groupDirectory(source, number, first);
    },
    list: () => byNumber(source).map(([number, first]) => [String(number), groupDirectory(source, number, first)]),
  };
}

/** Every group with one of its devices. */
function byNumber({ bus, pci }: TreeSource): (readonly [number, string])[] {
  const first = new Map<number, string>();
  for (const [group, mdev] of groupedDevices(bus)) if (!first.has(group)) first.set(group, lifeOf(mdev));
  for (const { description } of pci.all()) {
    if (description.iommuGroup !== undefined) first.set(description.iommuGroup, 'described');
  }
  return [...first].sort(([a], [b]) => a - b);
}

function firstOf({ bus, pci }: TreeSource, number: number): string | undefined {
  if (pci.all().some(({ description }) => description.iommuGroup === number)) return 'described';
  for (const [, mdev] of groupedDevices(bus, number)) return lifeOf(mdev);
  return undefined;
}

function groupDirectory(source: TreeSource, number: number, life: string): Directory {
  const { bus } = source;
  const path = `/kernel/iommu_groups/${number}`;
  const alive = () => firstOf(source, number) === life;
  const mediated = () => members(bus, number).every((mdev) => mdev.parent.bus === MDEV_BUS) && life !== 'described';
  const files = mediated()
    ? [
        // Quirk Q9: the group of an emulated device has this name.
        ['name', constant('name', 'vfio-noiommu\n', alive)] as const,
        ['reserved_regions', constant('reserved_regions', '', alive)] as const,
        ['type', kind('unknown\n', alive)] as const,
      ]
    : [
        [
          'reserved_regions',
          constant('reserved_regions', '0x00000000fee00000 0x00000000feefffff msi\n', alive),
        ] as const,
        ['type', kind('DMA-FQ\n', alive)] as const,
      ];
  const devices = directory(() => devicesIn(source, number, `${path}/devices`), { exists: alive });
  return directory(() => [['devices', devices], ...files], { life, stay: 'passing', exists: alive });
}

function kind(text: string, alive: () => boolean): Entry {
  return file({ path: 'type', mode: 0o644, alive, show: () => text, store: refuseKind });
}

function* devicesIn({ bus, pci }: TreeSource, number: number, path: string): Generator<readonly [string, Entry]> {
  const named = new Map(members(bus, number).map((mdev) => [mdev.name, pathOf(mdev)]));
  for (const { description, path: own } of pci.all()) {
    if (description.iommuGroup === number) named.set(description.name, own);
  }
  for (const [name, target] of named) yield [name, link(posix.relative(path, target), 'passing')];
}

function members(bus: TreeSource['bus'], number: number): Mdev[] {
  return [...groupedDevices(bus, number)].map(([, mdev]) => mdev);
}

/** `/devices/virtual/vfio`: a device per group that a vfio driver uses. */
export function* groupNodes(source: TreeSource): Generator<readonly [string, Entry]> {
  for (const number of nodeNumbers(source)) yield [String(number), groupNode(source, number)];
}

/** Numbers of the groups that have a node. */
export function nodeNumbers({ bus }: TreeSource): number[] {
  return [...new Set([...groupedDevices(bus)].map(([group]) => group))].sort((a, b) => a - b);
}

export function groupNode(source: TreeSource, number: number): Directory {
  const { memory } = source.bus;
  const [first] = members(source.bus, number);
  const life = first === undefined ? '' : lifeOf(first);
  const alive = () => {
    const [now] = members(source.bus, number);
    return now !== undefined && lifeOf(now) === life;
  };
  const path = `/devices/virtual/vfio/${number}`;
  return directory(
    () => [
      ['dev', constant('dev', `${GROUP_MAJOR}:${number}\n`, alive)],
      ['power', powerDirectory(alive)],
      ['subsystem', link(posix.relative(path, '/class/vfio'))],
      [
        'uevent',
        file({
          path: 'uevent',
          mode: 0o644,
          alive,
          show: () => `MAJOR=${GROUP_MAJOR}\nMINOR=${number}\nDEVNAME=vfio/${number}\n`,
          store: (bytes) => emitNode(memory, writtenAction(bytes), 'vfio', number, GROUP_MAJOR),
        }),
      ],
    ],
    { life, stay: 'passing', exists: alive },
  );
}

/** The kernel takes another domain type only for groups whose devices nobody uses; here nobody can change one. */
function refuseKind(): never {
  throw new MediatedError('EINVAL', 'the kind of an IOMMU group cannot be changed here', { syscall: 'write' });
}
