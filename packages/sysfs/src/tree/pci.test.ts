/** PCI functions in the mounted tree, bound and unbound as driverctl does it. */
import { expect, test } from 'vitest';
import { FUNCTION } from '../../dist-fixtures/tree/physical.fixture.js';
import { Stage, whyNotMountable } from '../../dist-fixtures/mount/stage.fixture.js';

const reason = await whyNotMountable();
if (reason !== undefined) console.log(`tests of the mounted tree are skipped: ${reason}`);

const physicalUrl = new URL('../../dist-fixtures/tree/physical.fixture.js', import.meta.url);

test.skipIf(reason !== undefined)('a function goes from its host driver to vfio-pci and back', async () => {
  const described = { ...FUNCTION, vendor: 0x10de, device: 0x1eb8, driver: 'nvidia' };
  const stage = await Stage.start({ pci: [described] });
  const { calls, runtime } = stage;
  await runtime.loadDriver(physicalUrl, { parents: [{ name: 'host', path: '/devices/pci0000:00' }] });
  const { name } = FUNCTION;
  const at = stage.at(`bus/pci/devices/${name}`);
  const driver = () => calls.call('readlink', `${at}/driver`);
  expect(await calls.call('readdir', stage.at('bus/pci/drivers'))).toEqual(['nvidia', 'vfio-pci']);
  expect(await driver()).toBe('../../../bus/pci/drivers/nvidia');
  expect(await calls.write(stage.at('bus/pci/drivers/vfio-pci/bind'), name)).toBe('ENODEV');
  expect(await calls.write(`${at}/driver/unbind`, '0000:02:00.0')).toBe('ENODEV');
  expect(await calls.write(`${at}/driver/unbind`, `${name}\n`)).toBe(13);
  expect(await driver()).toBe('ENOENT');
  // Without the override vfio-pci takes no function, with it no other driver does.
  expect(await calls.write(stage.at('bus/pci/drivers/vfio-pci/bind'), name)).toBe('ENODEV');
  expect(await calls.write(`${at}/driver_override`, 'vfio-pci')).toBe(8);
  expect(await calls.write(stage.at('bus/pci/drivers/nvidia/bind'), name)).toBe('ENODEV');
  expect(await calls.write(stage.at('bus/pci/drivers_probe'), name)).toBe(12);
  expect(await driver()).toBe('../../../bus/pci/drivers/vfio-pci');
  expect(runtime.bus.mdev(FUNCTION.uuid)?.name).toBe(name);
  expect(await calls.call('readdir', stage.at('bus/pci/drivers/vfio-pci'))).toEqual([name, 'bind', 'uevent', 'unbind']);
  // It is on its own bus, not among the mediated devices.
  expect(await calls.call('readdir', stage.at('bus/mdev/devices'))).toEqual([]);
  expect(await calls.call('readdir', stage.at('bus/mdev/drivers'))).toEqual(['patient']);
  expect(await calls.write(stage.at('bus/pci/drivers/vfio-pci/unbind'), name)).toBe(12);
  expect(runtime.bus.mdev(FUNCTION.uuid)).toBeUndefined();
  expect(await calls.write(`${at}/driver_override`, '\n')).toBe(1);
  expect(await calls.write(stage.at('bus/pci/drivers_probe'), name)).toBe(12);
  expect(await driver()).toBe('../../../bus/pci/drivers/nvidia');
  await stage.close();
});
