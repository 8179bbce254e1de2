/** Devices of other hosts: their files, and their attributes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noServer } from '../../dist-fixtures/live/nats-server.fixture.js';
import { codeOf, seen, Stage } from '../../dist-fixtures/live/stage.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe.skipIf(noServer !== '')(`devices of other hosts ${noServer}`, () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.begin();
  });
  afterEach(() => stage.end());

  test('an open device is read, written and asked where it is', async () => {
    const { machine } = await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ uuids: [UUID] });
    const device = await fleet.open(UUID);
    expect(machine.opened).toBe(1);
    const bytes = new Uint8Array([1, 2, 3, 255]);
    expect(await device.write(8, bytes)).toBe(4);
    expect(await device.read(8, 4)).toEqual(bytes);
    const argument = new Uint8Array(4);
    expect(await device.ioctl(0x1234, argument)).toBe(0);
    expect(argument).toEqual(new Uint8Array(4).fill(0x34));
    await device.close();
    expect(machine.opened).toBe(0);
    expect(await codeOf(device.read(0, 1))).toBe('EBADF');
  });

  test('what a call cannot carry is EINVAL, a device that is not there ENODEV', async () => {
    await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ uuids: [UUID] });
    await using device = await fleet.open(UUID);
    expect(await codeOf(device.read(0, 128 * 1024 + 1))).toBe('EINVAL');
    expect(await codeOf(device.write(0, new Uint8Array(128 * 1024 + 1)))).toBe('EINVAL');
    expect((await device.read(0, 128 * 1024)).length).toBe(4096);
    expect(await codeOf(fleet.open(UUID.replace('8', '9')))).toBe('ENODEV');
  });

  test('the files of a client that is gone are closed', async () => {
    const relay = await stage.relay();
    const { machine } = await stage.light('a');
    const fleet = await stage.connect({ servers: relay.url });
    await fleet.create({ uuids: [UUID] });
    await fleet.open(UUID);
    relay.cut();
    await expect.poll(() => machine.opened, { timeout: 20_000 }).toBe(0);
  });

  test('a device whose host is lost answers EIO', async () => {
    const relay = await stage.relay();
    await stage.light('a', 4, { servers: relay.url });
    const fleet = await stage.connect();
    await fleet.create({ uuids: [UUID] });
    const device = await fleet.open(UUID);
    const reading = codeOf(device.read(0, 4));
    await reading;
    relay.cut();
    const late = codeOf(device.read(0, 4));
    await seen(fleet, 'a', 'lost');
    expect(await late).toBe('EIO');
    expect(await codeOf(fleet.readAttribute(UUID, 'x/y'))).toBe('EIO');
  });

  test('attributes are read and written; a write to remove gives the UUID back', async () => {
    const { machine, host } = await stage.light('a');
    const fleet = await stage.connect();
    await fleet.create({ uuids: [UUID] });
    expect(await codeOf(fleet.readAttribute(UUID, 'vendor/x'))).toBe('ENOENT');
    await fleet.writeAttribute(UUID, 'vendor/x', 'text');
    expect(await fleet.readAttribute(UUID, 'vendor/x')).toBe('text');
    expect(await fleet.attributes(UUID)).toEqual([{ path: 'vendor/x', mode: 0o644 }]);
    await fleet.writeAttribute(UUID, 'remove', '1');
    expect([machine.devices(), host.reserved]).toEqual([[], []]);
  });
});
