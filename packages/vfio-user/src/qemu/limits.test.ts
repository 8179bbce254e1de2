/**
 * What QEMU does not do over vfio-user, as it says itself, and what is done in its place. Needs what `scripts/qemu/fetch.sh`
 * fetches; a QEMU that can do more fails here, and the page on virtual machines is to be changed.
 */
import { mttyUrl } from '@mediated/vendors';
import { connect, serveDevice } from '@mediated/vfio-user';
import { MIGRATION_STATES, PCI_IRQS } from '@mediated/vfio/uapi';
import { afterEach, describe, expect, test } from 'vitest';
import { missing } from '../../dist-fixtures/qemu/initrd.fixture.js';
import { Machine } from '../../dist-fixtures/qemu/machine.fixture.js';
import { Qtest } from '../../dist-fixtures/qemu/qtest.fixture.js';
import { freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

const SLOT = 4;
const PORTS = 0xc000;
/** The port by which a guest ejects cards from slots, a bit each. */
const EJECT = 0xae08;

afterEach(Machine.killAll);

describe.skipIf(missing !== undefined)(`QEMU without a guest${missing === undefined ? '' : ` (${missing})`}`, () => {
  /** A machine with a served device. */
  async function withCard(qemuDevice: string): Promise<{ machine: Machine; qtest: Qtest }> {
    const path = freshPath();
    let machine: Machine | undefined;
    const qtest = await Qtest.listen(path, async () => {
      machine = await Machine.idle(path, [
        JSON.stringify({ ...JSON.parse(qemuDevice), id: 'card', addr: String(SLOT) }),
      ]);
    });
    return { machine: machine as Machine, qtest };
  }

  /** The same with an mtty, whose first port's registers begin at {@link PORTS}. */
  async function withSerialPort(qemuDevice: string): Promise<{ machine: Machine; qtest: Qtest }> {
    const { machine, qtest } = await withCard(qemuDevice);
    await qtest.setConfig(SLOT, 0x10, PORTS);
    await qtest.setConfig(SLOT, 4, 1, 'outw');
    return { machine, qtest };
  }

  test('does not ask for the interrupt by which a device is wanted back (REQ)', async () => {
    const stage = await Stage.set();
    const machine = await Machine.idle(undefined);
    const asked = await machine.trace('vfio_user_get_irq_info', () =>
      machine.qmp.execute('device_add', JSON.parse(stage.served.qemuDevice)),
    );
    const indexes = asked.map((line) => Number(/index (\d+)/.exec(line)?.[1]));
    expect(indexes).toContain(PCI_IRQS.error);
    expect(indexes).not.toContain(PCI_IRQS.request);
    await machine.kill();
    await stage.close();
  });

  test('lets a card without MSI-X be unplugged, and aborts when one with MSI-X is: the server sees a machine that dies', async () => {
    /** Ejects what is in the slot, as a guest's ACPI does that was asked for it. */
    const eject = async (qtest: Qtest, machine: Machine) => {
      await machine.qmp.execute('device_del', { id: 'card' });
      await qtest.ask(`outl ${EJECT} ${1 << SLOT}`);
    };
    const serial = await Stage.set(mttyUrl, 'mtty-1');
    const { machine, qtest } = await withCard(serial.served.qemuDevice);
    await eject(qtest, machine);
    await machine.qmp.event('DEVICE_DELETED', 'card');
    await machine.kill();
    await serial.close();

    const stage = await Stage.set();
    const aborting = await withCard(stage.served.qemuDevice);
    void eject(aborting.qtest, aborting.machine).catch(() => {});
    expect(await aborting.machine.ended()).toContain('memory_region_del_subregion');
    expect(await stage.leftovers(2)).toEqual({ descriptors: 0, mappings: 0 });
    await stage.close();
  });

  test("migrates a machine without its device's state; that goes from one server to another, with what a machine has sent", async () => {
    const stage = await Stage.set(mttyUrl, 'mtty-1');
    const other = await stage.runtime.bus.parent('p').create('mtty-1');
    await using served = await serveDevice(stage.runtime, other, { path: freshPath() });
    const before = await withSerialPort(stage.served.qemuDevice);
    for (const byte of Buffer.from('sent')) await before.qtest.ask(`outb ${PORTS} ${byte}`);
    const { qmp } = before.machine;
    await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
    const messages = await before.machine.trace('vfio_user_send_write', async () => {
      await qmp.execute('migrate', { uri: 'exec:cat >/dev/null' });
      while ((await qmp.event('MIGRATION')).data.status !== 'completed');
    });
    expect(messages).toEqual([]);
    expect(await qmp.execute('query-migrate')).toMatchObject({ vfio: { transferred: 0 } });
    await before.machine.kill();

    const source = await stage.connect();
    const target = await connect(served.path);
    await source.setMigrationState(MIGRATION_STATES.stopCopy);
    await target.setMigrationState(MIGRATION_STATES.resuming);
    let bytes = await source.readMigrationData(4096);
    while (bytes.length > 0) {
      await target.writeMigrationData(bytes);
      bytes = await source.readMigrationData(4096);
    }
    await target.setMigrationState(MIGRATION_STATES.running);
    await source.close();
    await target.close();

    const { machine, qtest } = await withSerialPort(served.qemuDevice);
    let heard = '';
    for (let count = 0; count < 4; count++) heard += String.fromCharCode(await qtest.ask(`inb ${PORTS}`));
    expect(heard).toBe('sent');
    await machine.kill();
    await stage.close();
  });
});
