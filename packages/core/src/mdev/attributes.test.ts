/** The attribute model: which files there are, what they take and say, and when they are dead. */
import { attributeDirectory, openAttribute, Runtime, type Uevent } from '#dist/index.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const DRIVER = new URL('../../dist-fixtures/mdev/attributes.fixture.js', import.meta.url);
const A = '83b8f4f2-509f-382f-3c1e-e6bfe0fa0001';
const B = '83b8f4f2-509f-382f-3c1e-e6bfe0fa0002';
const TYPE = '/class/mdev_bus/card/mdev_supported_types/labelled-one';
const DEVICE = `/bus/mdev/devices/${A}`;

let runtime: Runtime;

beforeAll(() => {
  runtime = Runtime.start({ maxDevices: 64, maxParents: 4 });
});

beforeEach(async () => {
  if (runtime.drivers.length === 0) await runtime.loadDriver(DRIVER, { parents: [{ name: 'card' }] });
});

afterEach(async () => {
  runtime.bus.drainEvents();
  runtime.bus.events.removeAllListeners();
  for (const mdev of runtime.bus.mdevs()) await mdev.remove();
});

afterAll(() => runtime.close());

const open = (path: string, access: 'read' | 'write' | 'read-write' = 'write') =>
  openAttribute(runtime.bus, path, access);

/** Bytes taken, or the errno's name. */
async function write(path: string, text: string | Buffer): Promise<number | string> {
  try {
    return await (await open(path)).write(Buffer.from(text as string, 'latin1'));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function read(path: string): Promise<string> {
  return (await (await open(path, 'read')).read()).toString();
}

async function listing(path: string): Promise<string[]> {
  const directory = attributeDirectory(runtime.bus, path);
  if (directory === undefined) throw new Error(`no directory ${path}`);
  const files = (await directory.attributes()).map(({ path, mode }) => `${path} ${mode.toString(8)}`);
  return [...files, ...directory.links().map(({ name, target }) => `${name} -> ${target}`)];
}

describe('what there is', () => {
  test('the files of a type and what they say', async () => {
    expect(await listing(TYPE)).toEqual([
      'create 200',
      'device_api 444',
      'name 444',
      'available_instances 444',
      'description 444',
    ]);
    expect(await read(`${TYPE}/device_api`)).toBe('vfio-pci\n');
    expect(await read(`${TYPE}/name`)).toBe('The first\n');
    expect(await read(`${TYPE.replace('one', 'two')}/name`)).toBe('two\n');
    expect(await read(`${TYPE}/available_instances`)).toBe('4\n');
    expect(await read(`${TYPE.replace('one', 'two')}/description`)).toBe('type number 1\n');
  });

  test('the files and links of a device, bound and unbound', async () => {
    expect(await write(`${TYPE}/create`, A)).toBe(36);
    expect(await listing(DEVICE)).toEqual([
      'remove 200',
      'uevent 644',
      'serial 444',
      'group/label 644',
      'subsystem -> ../../../../../bus/mdev',
      'driver -> ../../../../../bus/mdev/drivers/labelled',
      'mdev_type -> ../mdev_supported_types/labelled-one',
    ]);
    expect(await listing(`/devices/virtual/labelled/card/${A}`)).toEqual(await listing(DEVICE));
    expect(await read(`${DEVICE}/uevent`)).toBe('DRIVER=labelled\n');
    expect(await listing(`${TYPE}/devices`)).toEqual([`${A} -> ../../../${A}`]);
    expect(await listing('/bus/mdev/devices')).toEqual([`${A} -> ../../../devices/virtual/labelled/card/${A}`]);
    expect(await write('/bus/mdev/drivers/labelled/unbind', A)).toBe(36);
    expect(await listing(DEVICE)).toEqual([
      'remove 200',
      'uevent 644',
      'subsystem -> ../../../../../bus/mdev',
      'mdev_type -> ../mdev_supported_types/labelled-one',
    ]);
    expect(await read(`${DEVICE}/uevent`)).toBe('');
  });

  test('the files of the bus, a driver and a parent', async () => {
    await runtime.bus.parent('card').create('labelled-two', B);
    expect(await listing('/bus/mdev')).toEqual(['drivers_autoprobe 644', 'drivers_probe 200', 'uevent 200']);
    expect(await listing('/bus/mdev/drivers/labelled')).toEqual([
      'bind 200',
      'unbind 200',
      'uevent 200',
      'module -> ../../../../module/labelled',
      `${B} -> ../../../../devices/virtual/labelled/card/${B}`,
    ]);
    expect(await listing('/class/mdev_bus/card')).toEqual(['uevent 644', 'subsystem -> ../../../../class/labelled']);
    expect(await listing('/class/mdev_bus')).toEqual(['card -> ../../devices/virtual/labelled/card']);
    await runtime.unloadDriver('labelled');
    expect(attributeDirectory(runtime.bus, '/bus/mdev/drivers/labelled')).toBeUndefined();
    expect(runtime.bus.drivers()).toEqual([]);
  });

  test.each([
    ['/class/mdev_bus/card/mdev_supported_types/labelled-three/create'],
    ['/class/mdev_bus/other/mdev_supported_types/labelled-one/create'],
    [`${TYPE}/nothing`],
    [`${TYPE}/devices/create`],
    [`${DEVICE}/remove`],
    [`/bus/mdev/devices/${A.toUpperCase()}/remove`],
    ['/bus/mdev/drivers/other/bind'],
    ['/bus/nothing'],
  ])('there is no %s', async (path) => {
    await expect(open(path)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });

  test('a name in upper case is no directory, whatever the UUID', async () => {
    await write(`${TYPE}/create`, A);
    expect(attributeDirectory(runtime.bus, `/bus/mdev/devices/${A.toUpperCase()}`)).toBeUndefined();
  });
});

describe('opening', () => {
  test.each([
    [`${TYPE}/create`, 'read'],
    [`${TYPE}/create`, 'read-write'],
    [`${TYPE}/name`, 'write'],
    ['/bus/mdev/drivers/labelled/unbind', 'read'],
  ] as const)('%s for %s is EACCES', async (path, access) => {
    await expect(open(path, access)).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('a file used the other way than it was opened, or closed, is EBADF', async () => {
    const file = await open(`${TYPE}/create`);
    await expect(file.read()).rejects.toMatchObject({ code: 'EBADF' });
    file.close();
    await expect(file.write(Buffer.alloc(0))).rejects.toMatchObject({ code: 'EBADF' });
  });
});

describe('create', () => {
  test.each([
    ['36 bytes', A, 36],
    ['37 with a newline', `${A}\n`, 37],
    ['37 with anything (quirk Q5)', `${A}x`, 37],
    ['37 with NUL', `${A}\0`, 37],
    ['upper case', A.toUpperCase(), 36],
    ['nothing', '', 0],
    ['35 bytes', A.slice(1), 'EINVAL'],
    ['38 bytes', `${A}\n\n`, 'EINVAL'],
    ['a blank first', ` ${A}`, 'EINVAL'],
    ['a NUL inside', A.replace('f', '\0'), 'EINVAL'],
    ['more than a page', A + '\0'.repeat(5000), 'EINVAL'],
  ])('mdev-core 5: %s', async (_, text, result) => {
    expect(await write(`${TYPE}/create`, text)).toBe(result);
    expect(runtime.bus.mdevs().map((mdev) => mdev.uuid)).toEqual(typeof result === 'number' && result > 0 ? [A] : []);
  });

  test('its refusals are those of the parent', async () => {
    for (const digit of '3456') await write(`${TYPE}/create`, A.replace(/1$/, digit));
    expect(await write(`${TYPE}/create`, A)).toBe('EUSERS');
    expect(await write(`${TYPE}/create`, A.replace(/1$/, '3'))).toBe('EEXIST');
    expect(await read(`${TYPE}/available_instances`)).toBe('0\n');
  });

  test('a file opened before its parent was unregistered is dead for ever', async () => {
    const create = await open(`${TYPE}/create`);
    const name = await open(`${TYPE}/name`, 'read');
    await runtime.unregisterParent('card');
    await runtime.registerParent({ name: 'card', driver: 'labelled' });
    expect(create.alive).toBe(false);
    await expect(create.write(Buffer.from(A))).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(create.write(Buffer.alloc(0))).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(name.read()).rejects.toMatchObject({ code: 'ENODEV' });
    expect(await write(`${TYPE}/create`, A)).toBe(36);
  });
});

describe('remove', () => {
  beforeEach(() => write(`${TYPE}/create`, A));

  test.each(['1', '2\n', '+1', '0x1', '010', `1${'\0'.repeat(20)}`])('%j removes', async (text) => {
    expect(await write(`${DEVICE}/remove`, text)).toBe(text.length);
    expect(runtime.bus.mdev(A)).toBeUndefined();
  });

  test.each([
    ['0', 1],
    ['0x0\n', 4],
    ['', 0],
    ['abc', 'EINVAL'],
    ['1 ', 'EINVAL'],
    ['-1', 'EINVAL'],
    ['18446744073709551616', 'EINVAL'],
  ])('mdev-core 14: %j leaves the file in place', async (text, result) => {
    expect(await write(`${DEVICE}/remove`, text)).toBe(result);
    expect(await write(`${DEVICE}/remove`, '1')).toBe(1);
  });

  test('a write of more than a page takes one page', async () => {
    expect(await write(`${DEVICE}/remove`, `1${'\0'.repeat(5000)}`)).toBe(4096);
  });

  test('mdev-core 12: of two writers one removes; the other succeeds too or finds the file gone', async () => {
    const files = [await open(`${DEVICE}/remove`), await open(`${DEVICE}/remove`)];
    const removed: Uevent[] = [];
    runtime.bus.drainEvents();
    runtime.bus.events.on('remove', (event) => removed.push(event));
    const results = await Promise.all(
      files.map((file) => file.write(Buffer.from('1')).catch((error: { code: string }) => error.code)),
    );
    expect(results).toContain(1);
    expect(['1', 'ENODEV']).toContain(String(results.find((result) => result !== 1) ?? 1));
    runtime.bus.drainEvents();
    expect(removed).toHaveLength(1);
  });

  test('asked for on a device that is gone, it is ENODEV', async () => {
    const mdev = runtime.bus.mdev(A);
    await mdev?.storeRemove();
    await expect(mdev?.storeRemove()).rejects.toMatchObject({ code: 'ENODEV', syscall: 'remove' });
  });

  test('old files are dead, also when the UUID is there again', async () => {
    const remove = await open(`${DEVICE}/remove`);
    const uevent = await open(`${DEVICE}/uevent`, 'read-write');
    const label = await open(`${DEVICE}/group/label`, 'read-write');
    expect(await remove.write(Buffer.from('1'))).toBe(1);
    await expect(open(`${DEVICE}/remove`)).rejects.toMatchObject({ code: 'ENOENT' });
    await write(`${TYPE}/create`, A);
    for (const file of [remove, uevent, label]) {
      await expect(file.write(Buffer.from('add'))).rejects.toMatchObject({ code: 'ENODEV' });
      await expect(file.write(Buffer.alloc(0))).rejects.toMatchObject({ code: 'ENODEV' });
    }
    await expect(label.read()).rejects.toMatchObject({ code: 'ENODEV' });
    expect(runtime.bus.mdev(A)?.presence.remove).toBe(true);
  });
});

describe('vendor attributes', () => {
  beforeEach(() => write(`${TYPE}/create`, A));

  test('are shown and stored on the device thread', async () => {
    expect(await read(`${DEVICE}/serial`)).toBe(`${A}\n`);
    expect(await write(`${DEVICE}/group/label`, 'blue')).toBe(4);
    expect(await read(`${DEVICE}/group/label`)).toBe('blue');
    expect(await write(`${DEVICE}/group/label`, 'bad')).toBe('EOVERFLOW');
  });

  test('are gone with the binding', async () => {
    const serial = await open(`${DEVICE}/serial`, 'read');
    await write('/bus/mdev/drivers/labelled/unbind', `${A}\n`);
    await expect(serial.read()).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(open(`${DEVICE}/serial`, 'read')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('bus and driver files', () => {
  beforeEach(() => write(`${TYPE}/create`, A));

  test.each([
    ['/bus/mdev/drivers/labelled/bind', A, 'ENODEV'],
    ['/bus/mdev/drivers/labelled/unbind', B, 'ENODEV'],
    ['/bus/mdev/drivers/labelled/unbind', A.toUpperCase(), 'ENODEV'],
    ['/bus/mdev/drivers/labelled/unbind', `${A}\n\n`, 'ENODEV'],
    ['/bus/mdev/drivers/labelled/unbind', `${A}\0anything`, 45],
    ['/bus/mdev/drivers/labelled/unbind', `${A}\n`, 37],
    ['/bus/mdev/drivers/labelled/unbind', '', 0],
    ['/bus/mdev/drivers_probe', A, 36],
    ['/bus/mdev/drivers_probe', `${A}\n`, 37],
    ['/bus/mdev/drivers_probe', B, 'ENODEV'],
  ])('mdev-core 20: %s takes %j: %s', async (path, text, result) => {
    expect(await write(path, text)).toBe(result);
  });

  test('drivers_autoprobe is kept for everybody and changes nothing', async () => {
    expect(await read('/bus/mdev/drivers_autoprobe')).toBe('1\n');
    expect(await write('/bus/mdev/drivers_autoprobe', '0\n')).toBe(2);
    expect(await read('/bus/mdev/drivers_autoprobe')).toBe('0\n');
    expect(await write(`${TYPE}/create`, B)).toBe(36);
    expect(runtime.bus.mdev(B)?.presence.driver).toBe(true);
    expect(await write('/bus/mdev/drivers_autoprobe', '1')).toBe(1);
    expect(await read('/bus/mdev/drivers_autoprobe')).toBe('1\n');
  });
});

describe('synthetic uevents', () => {
  const UUID = '11111111-AAAA-1111-1111-111111111111';
  let events: string[];

  beforeEach(async () => {
    await write(`${TYPE}/create`, A);
    events = [];
    runtime.bus.drainEvents();
    runtime.bus.events.on('uevent', ({ variables }) => {
      events.push(
        variables
          .slice(0, -1)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      );
    });
  });

  test.each([
    ['device', `${DEVICE}/uevent`, `DEVPATH=/devices/virtual/labelled/card/${A} SUBSYSTEM=mdev`, ' DRIVER=labelled'],
    ['parent', '/class/mdev_bus/card/uevent', 'DEVPATH=/devices/virtual/labelled/card SUBSYSTEM=labelled', ''],
    ['bus', '/bus/mdev/uevent', 'DEVPATH=/bus/mdev SUBSYSTEM=bus', ''],
    ['driver', '/bus/mdev/drivers/labelled/uevent', 'DEVPATH=/bus/mdev/drivers/labelled SUBSYSTEM=drivers', ''],
  ])('of a %s carry what was written', async (_, path, what, driver) => {
    expect(await write(path, 'add')).toBe(3);
    expect(await write(path, `change ${UUID} A=1 Bc=x\n`)).toBe(53);
    expect(await write(path, `offline ${UUID}`)).toBe(44);
    runtime.bus.drainEvents();
    expect(events).toEqual([
      `ACTION=add ${what} SYNTH_UUID=0${driver}`,
      `ACTION=change ${what} SYNTH_UUID=${UUID} SYNTH_ARG_A=1 SYNTH_ARG_Bc=x${driver}`,
      `ACTION=offline ${what} SYNTH_UUID=${UUID}${driver}`,
    ]);
  });

  test.each([
    ['', 0],
    ['bogus', 'EINVAL'],
    ['\n', 'EINVAL'],
    ['ad', 'EINVAL'],
    ['add ', 'EINVAL'],
    ['add 1', 'EINVAL'],
    [`add ${UUID} A`, 'EINVAL'],
    [`add ${UUID} A=`, 'EINVAL'],
    [`add ${UUID} A=1  B=2`, 'EINVAL'],
    [`add ${UUID} A=b_c`, 'EINVAL'],
    [`add ${UUID} A=${'b'.repeat(89)}`, 132],
    [`add ${UUID} A=${'b'.repeat(90)}`, 'ENOMEM'],
  ])('%j is %s', async (text, result) => {
    expect(await write(`${DEVICE}/uevent`, text)).toBe(result);
    runtime.bus.drainEvents();
    expect(events).toHaveLength(typeof result === 'number' && result > 0 ? 1 : 0);
  });

  test('of an unbound device name no driver', async () => {
    await write('/bus/mdev/drivers/labelled/unbind', A);
    await write(`${DEVICE}/uevent`, 'move');
    runtime.bus.drainEvents();
    expect(events.at(-1)).toBe(`ACTION=move DEVPATH=/devices/virtual/labelled/card/${A} SUBSYSTEM=mdev SYNTH_UUID=0`);
  });
});
