/** Mediated PCI devices: `pciOperations` in a vendor driver; what becomes of mappings when their device goes. */
import { once } from 'node:events';
import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { mapRegion } from '@mediated/vfio/pci';
import * as uapi from '@mediated/vfio/uapi';
import { PciProgram } from '../../dist-fixtures/pci/stage.fixture.js';
import { expect, test } from 'vitest';

const DRIVER = new URL('../../dist-fixtures/pci/mediated-nic.fixture.js', import.meta.url);

async function setUp() {
  const runtime = Runtime.start();
  await runtime.loadDriver(DRIVER, { parents: [{ name: 'nics' }] });
  const mdev = await runtime.bus.parent('nics').create('mnic-nic');
  const pci = new PciProgram(await openDevice(runtime.bus, mdev));
  return { runtime, mdev, pci, [Symbol.asyncDispose]: () => runtime.close() };
}

test('a mediated device is a PCI function: registers, memory, interrupts, reset', async () => {
  await using world = await setUp();
  const { pci, runtime, mdev } = world;
  const counter = InterruptCounter.create();
  await pci.setIrqs(uapi.PCI_IRQS.msi, 'trigger', { data: [counter] });
  await pci.write(0, 0, 4, 7);
  expect([await pci.read(0, 0, 1), counter.take(), await pci.deviceFlags()]).toEqual([7, 0, 3]);
  await pci.write(0, 0, 4, 3);
  expect(counter.take()).toBe(1);
  await pci.write(0, 0, 4, 5);
  await pci.reset();
  expect(await pci.read(0, 0, 1)).toBe(0);
  await expect(pci.hotResetInfo(1)).rejects.toMatchObject({ code: 'ENOTTY' });
  const mapping = await mapRegion(runtime.bus, pci.file, 1);
  await mapping.write(0, Uint8Array.of(1));
  await pci.close();
  await mdev.remove();
  await expect(mapping.read(0, 1)).rejects.toMatchObject({ code: 'EFAULT' });
});

test('a mapping finds its device gone when the thread has died, also when another has its guard by then', async () => {
  await using world = await setUp();
  const { pci, runtime } = world;
  const mapping = await mapRegion(runtime.bus, pci.file, 1);
  await mapping.write(0, Uint8Array.of(1));
  const restarted = once(runtime.system.events, 'threadRestart');
  await expect(pci.write(0, 8, 4, 1)).rejects.toMatchObject({ code: 'EIO' });
  await restarted;
  await expect(mapping.read(0, 1)).rejects.toMatchObject({ code: 'EFAULT' });
  const again = new PciProgram(await openDevice(runtime.bus, await runtime.bus.parent('nics').create('mnic-nic')));
  const other = await mapRegion(runtime.bus, again.file, 1);
  expect(await other.read(0, 1)).toEqual(Uint8Array.of(0));
  await expect(mapping.read(0, 1)).rejects.toMatchObject({ code: 'EFAULT' });
  await again.close();
});
