/** `/bus/pci`: the functions, and their drivers with `bind` and `unbind`. */
import { MediatedError } from '@mediated/core';
import { linksTo } from './classes.js';
import { type Directory, directory, file, type FileAttribute } from './entry.js';
import type { PciFunction } from './pci-functions.js';
import type { TreeSource } from './tree.js';
import { writtenAction } from './written-action.js';

const always = () => true;

export function pciBus(source: TreeSource): Directory {
  const targets = (functions: readonly PciFunction[]) =>
    functions.map(({ description, path }) => [description.name, path] as const);
  const devices = linksTo('/bus/pci/devices', 'passing', () => targets(source.pci.all()));
  const drivers = directory(() =>
    [...driverNames(source)].map((name) => {
      const links = linksTo(`/bus/pci/drivers/${name}`, 'passing', () =>
        targets(source.pci.all().filter((pci) => source.pci.driverOf(pci) === name)),
      );
      const files = [
        writable('bind', (bytes) => bind(source, name, named(source, bytes))),
        writable('unbind', (bytes) => unbind(source, name, named(source, bytes))),
        writable('uevent', (bytes) => void writtenAction(bytes)),
      ];
      const entries = () => [...files, ...(links.list() as Iterable<(typeof files)[number]>)];
      return [name, directory(entries, { life: name, stay: 'passing' })] as const;
    }),
  );
  const probe = writable('drivers_probe', (bytes) => drive(source, named(source, bytes)));
  const autoprobe = file({ path: 'drivers_autoprobe', mode: 0o644, alive: always, show: () => '1\n', store: () => {} });
  const entries = [
    ['devices', devices],
    ['drivers', drivers],
    ['drivers_autoprobe', autoprobe],
    probe,
    writable('uevent', (bytes) => void writtenAction(bytes)),
  ] as const;
  return directory(() => entries, { stay: 'registered', exists: () => source.pci.all().length > 0 });
}

function driverNames({ bus, pci }: TreeSource): Set<string> {
  const names = new Set(
    bus
      .parents()
      .filter((parent) => parent.bus === 'pci')
      .map((parent) => parent.driver),
  );
  for (const one of pci.all()) {
    const name = one.description.driver ?? one.parent?.driver;
    if (name !== undefined) names.add(name);
  }
  return names;
}

function writable(path: string, store: NonNullable<FileAttribute['store']>) {
  return [path, file({ path, mode: 0o200, alive: always, store })] as const;
}

/** The function that was written, one newline allowed. ENODEV: there is none of that name. */
function named({ pci }: TreeSource, bytes: Buffer): PciFunction {
  const name = bytes.toString('latin1').split('\0', 1)[0].replace(/\n$/, '');
  const found = pci.all().find(({ description }) => description.name === name);
  if (found !== undefined) return found;
  throw new MediatedError('ENODEV', `no PCI function ${JSON.stringify(name.slice(0, 40))}`, { syscall: 'bind' });
}

/** ENODEV: it has a driver, or this one does not take it. Else what the driver says. */
async function bind({ bus, pci }: TreeSource, driver: string, one: PciFunction): Promise<void> {
  const refusal = () =>
    new MediatedError('ENODEV', `${driver} does not take ${one.description.name}`, { syscall: 'bind' });
  if (pci.driverOf(one) !== undefined) throw refusal();
  const { override } = pci.state(one);
  if (override !== undefined && override !== driver) throw refusal();
  const parent = bus.parents().find((candidate) => candidate.bus === 'pci' && candidate.driver === driver);
  const { uuid } = one.description;
  if (parent !== undefined) {
    if (uuid === undefined || override === undefined) throw refusal();
    await parent.create(parent.types[0].id, uuid);
  } else if ((one.description.driver ?? one.parent?.driver) !== driver) throw refusal();
  else pci.state(one).released = false;
}

/** ENODEV: that driver does not have it. Waits while it is in use. EBUSY: it is a parent of mediated devices. */
async function unbind({ pci }: TreeSource, driver: string, one: PciFunction): Promise<void> {
  if (pci.driverOf(one) !== driver) {
    throw new MediatedError('ENODEV', `${driver} does not have ${one.description.name}`, { syscall: 'unbind' });
  }
  if (one.parent !== undefined) {
    throw new MediatedError('EBUSY', `${one.description.name} is a parent: unload its driver`, { syscall: 'unbind' });
  }
  await pci.bound(one)?.remove();
  pci.state(one).released = true;
}

/** A write to `drivers_probe`: the driver that is to have a function gets it, if it has none. */
async function drive(source: TreeSource, one: PciFunction): Promise<void> {
  if (source.pci.driverOf(one) !== undefined) return;
  const wanted = source.pci.state(one).override ?? one.description.driver ?? one.parent?.driver;
  if (wanted !== undefined && driverNames(source).has(wanted)) await bind(source, wanted, one);
}
