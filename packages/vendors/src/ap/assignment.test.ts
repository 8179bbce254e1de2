/** Assignment of adapters, domains and control domains; what the guest's matrix says of it. */
import type { Mdev } from '@mediated/core';
import { apqn } from '@mediated/vendors/ap';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApStage, FREE, guestMatrix, matrix } from '../../dist-fixtures/ap/stage.fixture.js';

let stage: ApStage;
const made: Mdev[] = [];

beforeAll(async () => {
  stage = await ApStage.set({ ...FREE, adapters: { 5: 13, 6: 11, 7: 9 }, domains: [4, 0xab, 6] });
});
afterAll(() => stage.runtime.close());
afterEach(async () => {
  for (const mdev of made.splice(0)) await mdev.remove();
});

async function device(adapters: number[] = [], domains: number[] = [], uuid?: string): Promise<Mdev> {
  const mdev = await stage.create(uuid);
  made.push(mdev);
  for (const adapter of adapters) await mdev.storeAttribute('assign_adapter', `${adapter}`);
  for (const domain of domains) await mdev.storeAttribute('assign_domain', `0x${domain.toString(16)}\n`);
  return mdev;
}

const code = (name: string) => expect.objectContaining({ code: name });

async function everything(mdev: Mdev): Promise<string[]> {
  return Promise.all([
    mdev.showAttribute('ap_config'),
    mdev.showAttribute('matrix'),
    mdev.showAttribute('guest_matrix'),
    mdev.showAttribute('control_domains'),
  ]);
}

describe('type and attributes', () => {
  test('the type is passthrough, of which 65536 can be made', async () => {
    expect(stage.parent.types).toMatchObject([{ id: 'vfio_ap-passthrough', name: 'VFIO AP Passthrough Device' }]);
    expect(await stage.parent.availableInstances('vfio_ap-passthrough')).toBe(65_536);
    expect([stage.parent.deviceApi, stage.parent.describes]).toEqual(['vfio-ap', false]);
  });

  test('an empty matrix is empty text; one side alone is shown by itself', async () => {
    const mdev = await device();
    expect(await everything(mdev)).toEqual([
      `${Array.from({ length: 3 }, () => `0x${'0'.repeat(64)}`).join(',')}\n`,
      '',
      '',
      '',
    ]);
    await mdev.storeAttribute('assign_adapter', '6');
    await mdev.storeAttribute('assign_adapter', '5');
    expect(await matrix(mdev)).toBe('05.\n06.\n');
    await mdev.storeAttribute('unassign_adapter', '5');
    await mdev.storeAttribute('unassign_adapter', '6');
    await mdev.storeAttribute('assign_domain', '0xab');
    expect(await matrix(mdev)).toBe('.00ab\n');
  });

  test('queues are shown adapters outer, both ascending; absent and unbound ones may be assigned', async () => {
    const mdev = await device([6, 5, 7, 200], [0xab, 4]);
    expect((await matrix(mdev)).split('\n')).toEqual([
      ...['05', '06', '07', 'c8'].flatMap((adapter) => [`${adapter}.0004`, `${adapter}.00ab`]),
      '',
    ]);
    expect(await guestMatrix(mdev)).toBe('05.0004\n05.00ab\n06.0004\n06.00ab\n');
  });

  test('ap 5: twice is once; unassigning what is not assigned succeeds; ids and numbers are checked', async () => {
    const mdev = await device([5], [4]);
    const before = await everything(mdev);
    await mdev.storeAttribute('assign_adapter', '0x5');
    await mdev.storeAttribute('assign_domain', '04');
    for (const name of ['unassign_adapter', 'unassign_domain', 'unassign_control_domain']) {
      await mdev.storeAttribute(name, '99');
    }
    for (const what of ['adapter', 'domain', 'control_domain']) {
      for (const verb of ['assign', 'unassign']) {
        const store = (text: string) => mdev.storeAttribute(`${verb}_${what}`, text);
        await expect(store('256')).rejects.toEqual(code('ENODEV'));
        for (const text of ['x', '', '-1', '08', '5 ', '0x', '5\n\n']) {
          await expect(store(text), JSON.stringify(text)).rejects.toEqual(code('EINVAL'));
        }
        await expect(store('18446744073709551616')).rejects.toEqual(code('ERANGE'));
      }
    }
    expect(await everything(mdev)).toEqual(before);
  });

  test('without APXA ids end at 63 and 15', async () => {
    await using small = await ApStage.set({ ...FREE, extended: false, adapters: {}, domains: [] });
    const mdev = await small.create();
    await mdev.storeAttribute('assign_adapter', '63');
    await mdev.storeAttribute('assign_domain', '15');
    await expect(mdev.storeAttribute('assign_adapter', '64')).rejects.toEqual(code('ENODEV'));
    await expect(mdev.storeAttribute('assign_domain', '16')).rejects.toEqual(code('ENODEV'));
  });

  test('ids end where the machine says, the limit of each device being fixed when it is made', async () => {
    await using small = await ApStage.set({ ...FREE, highestAdapter: 9, highestDomain: 3, adapters: {}, domains: [] });
    const mdev = await small.create();
    await mdev.storeAttribute('assign_adapter', '9');
    await expect(mdev.storeAttribute('assign_adapter', '10')).rejects.toEqual(code('ENODEV'));
    await expect(mdev.storeAttribute('assign_control_domain', '4')).rejects.toEqual(code('ENODEV'));
  });
});

describe('sharing', () => {
  test('ap 8: one adapter with different domains is shared, one queue is not', async () => {
    const first = await device([5], [4]);
    const second = await device([5], [0xab]);
    await expect(second.storeAttribute('assign_domain', '4')).rejects.toEqual(code('EADDRINUSE'));
    await expect(first.storeAttribute('assign_domain', '0xab')).rejects.toEqual(code('EADDRINUSE'));
    expect([await matrix(first), await matrix(second)]).toEqual(['05.0004\n', '05.00ab\n']);
    await first.storeAttribute('unassign_domain', '4');
    await second.storeAttribute('assign_domain', '4');
    expect(await matrix(second)).toBe('05.0004\n05.00ab\n');
  });

  test('ap 8: what lies in both masks belongs to the default drivers', async () => {
    await using owned = await ApStage.set({
      apmask: '0x0',
      aqmask: '+0-255',
      adapters: { 5: 13, 6: 13 },
      domains: [4],
    });
    await owned.bus.writeMask('apmask', '+6');
    expect(owned.bus.apmask).toBe(`0x02${'0'.repeat(62)}\n`);
    const mdev = await owned.device([5], [4]);
    await expect(mdev.storeAttribute('assign_adapter', '6')).rejects.toEqual(code('EADDRNOTAVAIL'));
    expect([await matrix(mdev), await guestMatrix(mdev)]).toEqual(['05.0004\n', '05.0004\n']);
    const alone = await owned.device([6], []);
    await expect(alone.storeAttribute('assign_domain', '4')).rejects.toEqual(code('EADDRNOTAVAIL'));
    expect(await matrix(alone)).toBe('06.\n');
  });

  test('ap 9: a control domain may be in two devices, and shows only as far as the host has it', async () => {
    const [first, second] = [await device(), await device()];
    for (const mdev of [first, second]) {
      for (const domain of ['0xab', '4', '9']) await mdev.storeAttribute('assign_control_domain', domain);
      expect(await mdev.showAttribute('control_domains')).toBe('0004\n0009\n00ab\n');
    }
    await first.storeAttribute('unassign_control_domain', '4');
    expect(await first.showAttribute('control_domains')).toBe('0009\n00ab\n');
  });

  test('ap 10: a mask that takes an assigned queue is EBUSY and as before; after unassigning it is taken', async () => {
    const mdev = await device([5], [4]);
    await stage.bus.writeMask('aqmask', '+4');
    const { apmask } = stage.bus;
    await expect(stage.bus.writeMask('apmask', '+5')).rejects.toEqual(code('EBUSY'));
    await expect(stage.bus.writeMask('apmask', `0x${'f'.repeat(64)}`)).rejects.toEqual(code('EBUSY'));
    expect(stage.bus.apmask).toBe(apmask);
    expect(await guestMatrix(mdev)).toBe('05.0004\n');
    await mdev.storeAttribute('unassign_adapter', '5');
    await stage.bus.writeMask('apmask', '+5');
    expect(stage.bus.apmask).toBe(`0x04${'0'.repeat(62)}\n`);
    await expect(stage.bus.status(apqn(5, 4))).rejects.toEqual(code('ENOENT'));
    await stage.bus.writeMask('apmask', '-5');
    await stage.bus.writeMask('aqmask', '0x0');
    expect(await stage.bus.status(apqn(5, 4))).toBe('unassigned\n');
  });
});

describe('filtering', () => {
  test('ap 6: an unbound queue takes its whole adapter; binding it brings all of it back, after a reset', async () => {
    await stage.bus.unbind(apqn(5, 0xab));
    const mdev = await device([5, 6], [4, 0xab]);
    expect(await guestMatrix(mdev)).toBe('06.0004\n06.00ab\n');
    const happened = await stage.during(() => stage.bus.bind(apqn(5, 0xab)));
    expect(happened).toEqual(['zeroise 05.00ab 0']);
    expect(await guestMatrix(mdev)).toBe('05.0004\n05.00ab\n06.0004\n06.00ab\n');
  });

  test('domains stay without any whole adapter', async () => {
    const mdev = await device([7], [4]);
    expect(await guestMatrix(mdev)).toBe('.0004\n');
  });

  test('cards older than CEX4 and queues of the default drivers cannot be bound', async () => {
    await expect(stage.bus.bind(apqn(7, 4))).rejects.toEqual(code('ENODEV'));
    await expect(stage.bus.bind(apqn(99, 4))).rejects.toEqual(code('ENODEV'));
    await expect(stage.bus.bind(apqn(5, 4))).rejects.toEqual(code('EBUSY'));
    await expect(stage.bus.unbind(apqn(7, 4))).rejects.toEqual(code('ENODEV'));
  });
});

describe('ap_config', () => {
  const mask = (bits: number[]) =>
    Array.from({ length: 64 }, (_, digit) =>
      [0, 1, 2, 3].reduce((sum, bit) => sum * 2 + Number(bits.includes(4 * digit + bit)), 0).toString(16),
    ).join('');
  const config = (adapters: number[], domains: number[], control: number[] = []) =>
    [adapters, domains, control].map((bits) => `0x${mask(bits)}`).join(',');

  test('ap 19: what it says, written back, changes nothing: no update of the guest, no reset', async () => {
    const mdev = await device([5, 6], [4]);
    await mdev.storeAttribute('assign_control_domain', '4');
    const guest = await stage.bus.createGuest();
    await guest.connect(mdev);
    const file = await stage.open(mdev);
    const before = await everything(mdev);
    const text = await mdev.showAttribute('ap_config');
    expect(text).toBe(`${config([5, 6], [4], [4])}\n`);
    expect(await stage.during(() => mdev.storeAttribute('ap_config', text))).toEqual([]);
    expect(await everything(mdev)).toEqual(before);
    await file.close();
  });

  test('it sets the whole matrix; masks may be short, without 0x, or empty', async () => {
    const mdev = await device([5], [6]);
    await mdev.storeAttribute('ap_config', `${config([6], [4, 6])}\nignored`);
    expect(await matrix(mdev)).toBe('06.0004\n06.0006\n');
    expect(await guestMatrix(mdev)).toBe('06.0004\n06.0006\n');
    await mdev.storeAttribute('ap_config', '04,0x08,');
    expect(await matrix(mdev)).toBe('05.0004\n');
    await mdev.storeAttribute('ap_config', ',,');
    expect(await matrix(mdev)).toBe('');
  });

  test('ap 4: a refused assignment or configuration leaves everything as it is', async () => {
    await device([6], [4]);
    const mdev = await device([5], [4, 0xab]);
    const guest = await stage.bus.createGuest();
    await guest.connect(mdev);
    const file = await stage.open(mdev);
    const before = [await everything(mdev), await guest.masks(), await guest.updates()];
    await stage.bus.writeMask('apmask', '+8');
    await stage.bus.writeMask('aqmask', '+8');
    const refused: [string, string, string][] = [
      ['assign_adapter', '6', 'EADDRINUSE'],
      ['ap_config', config([5, 6], [4]), 'EADDRINUSE'],
      ['ap_config', config([5, 8], [4, 8]), 'EADDRNOTAVAIL'],
      ['ap_config', '04,08', 'EINVAL'],
      ['ap_config', '04,0g,', 'EINVAL'],
      ['ap_config', `${'0'.repeat(65)},,`, 'EINVAL'],
      ['ap_config', 'junk', 'EINVAL'],
    ];
    const happened = await stage.during(async () => {
      for (const [name, text, expected] of refused) {
        await expect(mdev.storeAttribute(name, text)).rejects.toEqual(code(expected));
      }
    });
    expect(happened).toEqual([]);
    expect([await everything(mdev), await guest.masks(), await guest.updates()]).toEqual(before);
    await file.close();
    for (const name of ['apmask', 'aqmask'] as const) await stage.bus.writeMask(name, '0x0');
  });

  test('ids above the highest are ENODEV, after the checks of sharing', async () => {
    await using small = await ApStage.set({ ...FREE, highestAdapter: 9, adapters: { 5: 13 }, domains: [4] });
    await small.device([5], [4]);
    const mdev = await small.create();
    await expect(mdev.storeAttribute('ap_config', config([10], [4]))).rejects.toEqual(code('ENODEV'));
    await expect(mdev.storeAttribute('ap_config', config([5, 10], [4]))).rejects.toEqual(code('EADDRINUSE'));
    expect(await matrix(mdev)).toBe('');
  });
});

test('ap 1, 2, 3: whatever is written, bound and plugged, in any order', async () => {
  await using wild = await ApStage.set({ ...FREE, adapters: { 0: 11, 1: 11, 2: 11 }, domains: [0, 1, 2] });
  const mdevs = [await wild.create(), await wild.create(), await wild.create()];
  const id = fc.nat(3);
  const mdev = fc.nat(2);
  const subset = fc.subarray([0, 1, 2, 3]);
  const step = fc.oneof(
    fc.record({
      op: fc.constant('store' as const),
      mdev,
      name: fc.constantFrom('assign_adapter', 'assign_domain', 'unassign_adapter', 'unassign_domain'),
      id,
    }),
    fc.record({ op: fc.constant('config' as const), mdev, adapters: subset, domains: subset }),
    fc.record({ op: fc.constantFrom('bind' as const, 'unbind' as const), adapter: id, domain: id }),
    fc.record({ op: fc.constant('host' as const), adapters: subset, domains: subset }),
    fc.record({ op: fc.constant('mask' as const), name: fc.constantFrom('apmask' as const, 'aqmask' as const), id }),
    fc.record({ op: fc.constant('own' as const), name: fc.constantFrom('apmask' as const, 'aqmask' as const) }),
  );
  let host = { adapters: [0, 1, 2], domains: [0, 1, 2] };
  const nibble = (bits: number[]) => bits.reduce((sum, bit) => sum | (8 >> bit), 0).toString(16);
  const queues = (text: string) => text.split('\n').filter((line) => /^..\..{4}$/.test(line));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      for (const next of steps) {
        const done = (async () => {
          switch (next.op) {
            case 'store':
              return mdevs[next.mdev].storeAttribute(next.name, `${next.id}`);
            case 'config':
              return mdevs[next.mdev].storeAttribute('ap_config', `${nibble(next.adapters)},${nibble(next.domains)},`);
            case 'bind':
            case 'unbind':
              return wild.bus[next.op](apqn(next.adapter, next.domain));
            case 'host': {
              const adapters = Object.fromEntries(next.adapters.map((adapter) => [adapter, adapter === 3 ? 9 : 11]));
              host = next;
              return wild.bus.configure({ adapters, domains: next.domains });
            }
            case 'mask':
              return wild.bus.writeMask(next.name, `+${next.id}`);
            case 'own':
              return wild.bus.writeMask(next.name, '0x0');
          }
        })();
        await done.catch((error: { code: string }) =>
          expect(['EADDRINUSE', 'EADDRNOTAVAIL', 'ENODEV', 'EBUSY']).toContain(error.code),
        );
        const assigned = await Promise.all(mdevs.map(async (each) => queues(await matrix(each))));
        const given = await Promise.all(mdevs.map(async (each) => queues(await guestMatrix(each))));
        expect(new Set(assigned.flat()).size).toBe(assigned.flat().length);
        const [owned, ownedDomains] = [wild.bus.apmask, wild.bus.aqmask].map((text) => Number.parseInt(text[2], 16));
        for (const name of assigned.flat()) {
          const [adapter, domain] = name.split('.').map((part) => Number.parseInt(part, 16));
          expect((owned & (8 >> adapter)) !== 0 && (ownedDomains & (8 >> domain)) !== 0, name).toBe(false);
        }
        for (const [i, names] of given.entries()) {
          for (const name of names) {
            const [adapter, domain] = name.split('.').map((part) => Number.parseInt(part, 16));
            expect(assigned[i]).toContain(name);
            expect(host.adapters.includes(adapter) && host.domains.includes(domain), name).toBe(true);
            expect(await wild.bus.status(apqn(adapter, domain))).toBe('assigned\n');
          }
        }
      }
    }),
    { numRuns: 25 },
  );
});
