/** The MC's bus: what is bound with a container, objects that come and go, overrides. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Runtime } from '@mediated/core';
import { bind } from '@mediated/vfio/physical';
import { fslMcUrl, McBus, type McContainerSpec, type McSpec } from '@mediated/vfio/fsl-mc';
import { McRecords, PORTALS } from '#dist/fsl-mc/mc-records.js';
import { COMMANDS, newTrace, traced } from '../../dist-fixtures/fsl-mc/mc-model.fixture.js';
import { Complex, command, dpni } from '../../dist-fixtures/fsl-mc/stage.fixture.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const HOST = { name: 'fsl_dpaa2_eth' };
const VFIO = 'vfio-fsl-mc';

/** A container with the objects 1 and 2, and 3 that may come later. */
function spec(container: Partial<McContainerSpec> = {}, trace = newTrace()): McSpec {
  const objects = [
    { ...dpni(1, 1, { trace }), host: HOST },
    dpni(2, 1, { trace }),
    { ...dpni(3, 1, { trace }), host: HOST, plugged: false },
  ];
  return { containers: [{ id: 0, group: 1, objects, ...container }] };
}

const bound = ({ runtime }: Complex) => runtime.bus.mdevs().map(({ name }) => name);

let warned: string[] = [];
const note = (message: unknown) => {
  const { object, message: text } = message as { object: string; message: string };
  warned.push(`${object}: ${text}`);
};
beforeEach(() => {
  warned = [];
  subscribe('mediated:fsl-mc:warning', note);
});
afterEach(() => void unsubscribe('mediated:fsl-mc:warning', note));

describe('a container', () => {
  test('its objects are bound with it, and go with it after it', async () => {
    await using complex = await Complex.set(spec(), 2);
    const { mc } = complex;
    expect(mc.devices).toEqual(['dprc.0', 'dpni.1', 'dpni.2']);
    await complex.bind('dprc.0');
    expect(bound(complex).sort()).toEqual(['dpni.1', 'dpni.2', 'dprc.0']);
    const events: string[] = [];
    complex.runtime.bus.drainEvents();
    complex.runtime.bus.events.on('uevent', ({ action, devpath }) => events.push(`${action} ${devpath}`));
    await complex.unbind('dprc.0');
    complex.runtime.bus.drainEvents();
    const path = '/devices/platform/soc/80c000000.fsl-mc/dprc.0';
    expect(events.filter((event) => event.startsWith('unbind'))).toEqual([
      `unbind ${path}`,
      `unbind ${path}/dpni.2`,
      `unbind ${path}/dpni.1`,
    ]);
    expect([bound(complex), mc.devices]).toEqual([[], ['dprc.0']]);
    await complex.bind('dprc.0');
    expect(bound(complex)).toHaveLength(3);
  });

  test('its portal is there until the last of its objects is gone', async () => {
    const trace = newTrace();
    await using complex = await Complex.set(spec({}, trace), 2);
    const records = McRecords.from(complex.mc.handle);
    const portal = () => records.portal(records.nodes[0]);
    expect(portal()).toBe(PORTALS.host);
    await complex.bind('dprc.0');
    expect(portal()).toBe(PORTALS.vfio);
    const file = await complex.open('dpni.1');
    const unbound = complex.unbind('dprc.0');
    await file.reset();
    await file.close();
    await unbound;
    expect(traced(trace).filter((step) => step.startsWith('reset'))).toEqual(['reset 1', 'reset 1']);
    expect(portal()).toBe(PORTALS.none);
  });

  test.each(['setup', 'scan'] as const)(
    'when its %s fails nothing is bound, and it may be tried again',
    async (fault) => {
      await using complex = await Complex.set(spec({ faults: { [fault]: 'ETIMEDOUT' } }), 2);
      const records = McRecords.from(complex.mc.handle);
      for (let attempt = 0; attempt < 2; attempt++) {
        await expect(complex.bind('dprc.0')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
        expect([bound(complex), records.hasNotifier(records.nodes[0])]).toEqual([[], false]);
      }
      expect(complex.mc.devices).toEqual(['dprc.0']);
    },
  );

  test('an object that is refused is not bound, the others are', async () => {
    const objects = [{ ...dpni(1, 1, { trace: newTrace(), refuses: true }) }, dpni(2, 1, { trace: newTrace() })];
    await using complex = await Complex.set(spec({ objects }));
    await complex.bind('dprc.0');
    expect(bound(complex).sort()).toEqual(['dpni.2', 'dprc.0']);
    expect(warned).toEqual([expect.stringContaining('dpni.1: vfio does not take it: EIO')]);
    await expect(complex.bind('dpni.1')).rejects.toMatchObject({ code: 'EIO' });
  });

  test('when its thread dies its objects on others stay, until it is bound again', async () => {
    await using complex = await Complex.set(spec(), 2);
    await complex.bind('dprc.0');
    const records = McRecords.from(complex.mc.handle);
    const state = () => [records.hasNotifier(records.nodes[0]), records.portal(records.nodes[0])];
    const doomed = await complex.open('dpni.2');
    await using survivor = await complex.open('dpni.1');
    const restarted = once(complex.runtime.system.events, 'threadRestart');
    await expect(doomed.write(0, command(COMMANDS.die))).rejects.toMatchObject({ code: 'EIO' });
    await restarted;
    expect([bound(complex), ...state()]).toEqual([['dpni.1'], false, PORTALS.vfio]);
    await survivor.reset();
    const again = complex.bind('dprc.0');
    await survivor.close();
    await again;
    expect([bound(complex).sort(), ...state()]).toEqual([['dpni.1', 'dpni.2', 'dprc.0'], true, PORTALS.vfio]);
  });

  test('what comes to it while it is being unbound comes after that', async () => {
    await using complex = await Complex.set(spec(), 2);
    const { mc, parent } = complex;
    const records = McRecords.from(mc.handle);
    await complex.bind('dprc.0');
    const file = await complex.open('dpni.1');
    const unbound = complex.unbind('dprc.0');
    // The container is gone, its object in use.
    while (records.isBound(records.nodes[0])) await new Promise((resolve) => setImmediate(resolve));
    const done: string[] = [];
    const plugged = mc.plug(parent, 'dpni.3').then(() => done.push('plugged'));
    const again = complex.bind('dprc.0').then(() => done.push('bound'));
    await file.info();
    expect(done).toEqual([]);
    await file.close();
    await unbound;
    await Promise.all([plugged, again]);
    expect(done).toEqual(['plugged', 'bound']);
    expect(bound(complex).sort()).toEqual(['dpni.1', 'dpni.2', 'dpni.3', 'dprc.0']);
  });

  test('whoever binds and unbinds at once, one thing is done at a time', async () => {
    await using complex = await Complex.set(spec(), 2);
    const { mc, parent } = complex;
    const records = McRecords.from(mc.handle);
    const allowed = new Set(['EBUSY', 'ENODEV', 'EEXIST', 'ENOENT']);
    const tried = (done: Promise<unknown>) =>
      done.catch((error: { code: string }) => expect(allowed).toContain(error.code));
    for (let round = 0; round < 8; round++) {
      await Promise.all(
        [
          complex.bind('dprc.0'),
          mc.plug(parent, 'dpni.3'),
          complex.bind('dpni.1'),
          complex.unbind('dprc.0'),
          complex.bind('dprc.0'),
          mc.unplug(parent, 'dpni.3'),
          complex.unbind('dpni.2'),
        ].map(tried),
      );
      for (const node of records.nodes) {
        expect([node.name, records.isBound(node)]).toEqual([node.name, bound(complex).includes(node.name)]);
        if (records.isBound(node)) expect(records.isPresent(node)).toBe(true);
      }
    }
    await tried(complex.unbind('dprc.0'));
    expect([bound(complex), records.portal(records.nodes[0])]).toEqual([[], PORTALS.none]);
  });
});

describe('objects', () => {
  test('platform-fsl 19: a new object of a container that vfio has is for vfio before any driver is asked', async () => {
    await using complex = await Complex.set(spec(), 2);
    const { mc, parent } = complex;
    await complex.bind('dprc.0');
    // The driver takes none whose override does not name it, and the host has one that would take it.
    const mdev = await mc.plug(parent, 'dpni.3');
    expect([mdev?.name, mc.driverOverride('dpni.3')]).toEqual(['dpni.3', VFIO]);
    await expect(mc.plug(parent, 'dpni.3')).rejects.toMatchObject({ code: 'EEXIST' });
    await mc.unplug(parent, 'dpni.3');
    expect(bound(complex)).not.toContain('dpni.3');
    await expect(mc.unplug(parent, 'dpni.3')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(mc.plug(parent, 'dpni.9')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a new object of a container that the host has is the host’s', async () => {
    await using complex = await Complex.set(spec());
    const { mc, parent } = complex;
    expect(await mc.plug(parent, 'dpni.3')).toBeUndefined();
    expect(mc.driverOverride('dpni.3')).toBe('');
    expect(() => mc.bindHost('dpni.3')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(warned).toEqual([]);
  });

  test('one of a container without a driver is found when that is scanned', async () => {
    await using complex = await Complex.set(spec({ host: null }));
    const { mc, parent } = complex;
    expect(mc.devices).toEqual(['dprc.0']);
    expect(await mc.plug(parent, 'dpni.3')).toBeUndefined();
    await expect(complex.bind('dpni.3')).rejects.toMatchObject({ code: 'ENODEV' });
    await complex.bind('dprc.0');
    expect(bound(complex)).toContain('dpni.3');
  });

  test('the driver takes only what is overridden to it', async () => {
    await using complex = await Complex.set(spec());
    const { mc, parent } = complex;
    await expect(bind(parent, 'dpni.1')).rejects.toMatchObject({ code: 'ENODEV' });
    mc.setDriverOverride('dpni.1', VFIO);
    await bind(parent, 'dpni.1');
    await expect(complex.bind('dpni.1')).rejects.toMatchObject({ code: 'EBUSY' });
    expect(() => mc.setDriverOverride('dpni.1', 'e1000')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => mc.driverOverride('dpni.7')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  });

  test('one that the host gets although vfio has its container is warned of, nothing more', async () => {
    await using complex = await Complex.set(spec());
    const { mc } = complex;
    await complex.bind('dprc.0');
    expect(() => mc.bindHost('dpni.1')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    await complex.unbind('dpni.1');
    expect(() => mc.bindHost('dpni.1')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    mc.setDriverOverride('dpni.1', HOST.name);
    mc.bindHost('dpni.1');
    expect([mc.driverOverride('dpni.1'), warned]).toEqual([
      HOST.name,
      ['dpni.1: fsl_dpaa2_eth has an object of dprc.0, which vfio has'],
    ]);
    // And back.
    mc.setDriverOverride('dpni.1', '');
    await complex.bind('dpni.1');
    expect(bound(complex)).toContain('dpni.1');
  });
});

describe('descriptions', () => {
  test.each([
    [{}, 'no list of containers'],
    [{ containers: [{ id: -1 }] }, '-1 is no id'],
    [{ containers: [{ id: 0, irqPool: 257 }] }, 'the pool of dprc.0'],
    [{ containers: [{ id: 0, irqs: 257 }] }, 'dprc.0 has 257 interrupts'],
    [{ containers: [{ id: 0, regions: [{ start: 0, size: 0 }] }] }, 'region 0 of dprc.0'],
    [{ containers: [{ id: 0, faults: { scan: 'EWHAT' } }] }, 'fault scan of dprc.0'],
    [{ containers: [{ id: 0, objects: [{ type: 'dprc', id: 1 }] }] }, 'type dprc'],
    [{ containers: [{ id: 0, objects: [{ type: 'dpni', id: 1, irqs: [{ requestError: 'EWHAT' }] }] }] }, 'irq 0'],
  ])('%j makes no sense', async (wrong, reason) => {
    await using runtime = Runtime.start();
    expect(() => McBus.create(runtime.bus, wrong as McSpec)).toThrow(reason);
  });

  test('two objects of a name are refused, and so is a driver without an MC', async () => {
    const objects = [dpni(1, 0, { trace: newTrace() }), dpni(1, 0, { trace: newTrace() })];
    await expect(Complex.set(spec({ objects }))).rejects.toThrow('two devices named dpni.1');
    await using runtime = Runtime.start();
    await expect(runtime.loadDriver(fslMcUrl)).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
