/** Regions, channel reports and interrupts of a device (ccw sections 3, 4 and 6). */
import { describe, expect, test } from 'vitest';
import { readRegion } from '#dist/ccw/access.js';
import { CRW, SCHIB } from '#dist/ccw/architected.js';
import { closeDevice } from '#dist/ccw/life.js';
import { Rig, turn } from '../../dist-fixtures/ccw/rig.fixture.js';

const READ_ONLY = [2, 3];
const SIZES = [124, 8, 52, 8];
const at = (region: number, offset = 0) => region * 1024 + offset;

async function read(rig: Rig, position: number, length: number): Promise<Uint8Array | string> {
  const into = new Uint8Array(length).fill(0xee);
  return readRegion(rig.device, position, into).then(
    (count) => into.subarray(0, count),
    (error) => error.code,
  );
}

async function report(rig: Rig): Promise<number[]> {
  const bytes = (await read(rig, at(3), 8)) as Uint8Array;
  return [CRW.get(bytes, 'source'), CRW.get(bytes, 'recovery'), CRW.get(bytes, 'id')];
}

describe('access', () => {
  test.each(SIZES.map((size, region) => [region, size]))('region %i has %i bytes', async (region, size) => {
    const rig = await Rig.in('IDLE');
    expect(await read(rig, at(region), size)).toHaveLength(size);
    for (const [offset, length] of [
      [0, size + 1],
      [size, 1],
      [size - 1, 2],
      [1023, 1],
    ]) {
      expect(await read(rig, at(region, offset), length)).toBe('EINVAL');
      expect(await rig.write(at(region, offset), new Uint8Array(length))).toBe('EINVAL');
    }
  });

  test.each(READ_ONLY)('region %i is only read', async (region) => {
    const rig = await Rig.in('IDLE');
    expect(await rig.write(at(region), new Uint8Array(4))).toBe('EINVAL');
  });

  test('there is no region 4, and but one while the device is closed', async () => {
    const rig = await Rig.in('IDLE');
    for (const position of [at(4), 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      expect(await read(rig, position, 1)).toBe('EINVAL');
      expect(await rig.write(position, new Uint8Array(1))).toBe('EINVAL');
    }
    await closeDevice(rig.device);
    expect([await read(rig, at(0), 1), await read(rig, at(1), 1)]).toEqual([Uint8Array.of(0), 'EINVAL']);
  });

  test('a read of the I/O region waits for a request that is under way', async () => {
    const rig = await Rig.in('IDLE');
    rig.holdPlanning();
    const request = rig.request();
    await turn();
    let done = false;
    const reading = read(rig, 120, 4).then((bytes) => {
      done = true;
      return bytes;
    });
    await turn();
    expect(done).toBe(false);
    rig.finishPlanning();
    await request;
    expect(await reading).toEqual(new Uint8Array(4));
  });

  test('a result that the guest has written itself is the answer', async () => {
    const rig = await Rig.in('IDLE');
    expect(await rig.write(120, Uint8Array.of(0xff, 0xff, 0xff, 0xf5))).toBe('EAGAIN');
    expect(await rig.write(118, Uint8Array.of(0, 0, 0, 0, 0, 3))).toBe(3);
    expect(await rig.write(120, Uint8Array.of(0x7f, 0xff, 0xff, 0xff))).toBe(4);
    expect(await rig.write(120, Uint8Array.of(0x80, 0, 0, 0))).toBe('EIO');
  });

  test('the SCHIB is as the subchannel has it now', async () => {
    const rig = await Rig.in('IDLE');
    SCHIB.set(rig.machine.schib, 'pnom', 0x40);
    const schib = (await read(rig, at(2), 52)) as Uint8Array;
    expect([SCHIB.get(schib, 'pnom'), SCHIB.get(schib, 'enabled'), SCHIB.get(schib, 'subclass')]).toEqual([0x40, 1, 3]);
    rig.machine.gone = true;
    expect(await read(rig, at(2), 52)).toBe('ENODEV');
  });
});

describe('channel reports', () => {
  test('ccw 19: two reports are read one by one, the oldest first; the first read signals again', async () => {
    const rig = await Rig.in('IDLE');
    rig.bind(1);
    rig.subchannel.pathChanged('offline', 0x40);
    rig.subchannel.pathChanged('online', 0x40);
    await rig.works.flush();
    expect(rig.signals[1]).toBe(1);
    expect(await report(rig)).toEqual([4, 6, 0x40]);
    expect(rig.signals[1]).toBe(2);
    expect(await report(rig)).toEqual([4, 2, 0x40]);
    expect(rig.signals[1]).toBe(2);
    expect(await read(rig, at(3), 8)).toEqual(new Uint8Array(8));
  });

  test('a read of a part takes the whole report', async () => {
    const rig = await Rig.in('IDLE');
    rig.subchannel.pathChanged('offline', 0x41);
    expect(await read(rig, at(3, 3), 1)).toEqual(Uint8Array.of(0x41));
    expect(await read(rig, at(3), 4)).toEqual(new Uint8Array(4));
  });

  test('those that come while the device is closed are kept until it is released, as are the bindings of interrupts', async () => {
    const rig = await Rig.in('STANDBY');
    rig.subchannel.pathChanged('offline', 0x40);
    expect(rig.device.reports).toHaveLength(1);
    rig.bind(2);
    rig.device.request();
    await rig.device.release();
    rig.device.request();
    expect([rig.device.reports, rig.signals[2]]).toEqual([[], 1]);
  });
});

describe('channel paths', () => {
  test('vary off takes a path from both masks, vary on gives it back', async () => {
    const rig = await Rig.in('IDLE');
    rig.subchannel.pathChanged('vary-off', 0x40);
    expect([rig.subchannel.opm & 0x80, rig.subchannel.lpm]).toEqual([0, 0x40]);
    rig.subchannel.pathChanged('online', 0x40);
    expect(rig.subchannel.lpm).toBe(0x40);
    rig.subchannel.pathChanged('vary-on', 0x40);
    expect([rig.subchannel.opm, rig.subchannel.lpm]).toEqual([0xff, 0xc0]);
  });

  test.each(['vary-off', 'offline'] as const)(
    '%s of the path that was used last ends what runs, of another not',
    async (event) => {
      const rig = await Rig.in('CP_PENDING');
      SCHIB.set(rig.machine.schib, 'lpum', 0x40);
      rig.subchannel.pathChanged(event, 0x40);
      expect(rig.machine.calls).not.toContain('xsch');
      rig.subchannel.pathChanged(event, 0x41);
      expect(rig.machine.calls).toContain('xsch');
    },
  );

  test('a path that the subchannel has not, or a subchannel without mdev, is nothing', async () => {
    const rig = await Rig.in('IDLE');
    rig.subchannel.pathChanged('offline', 0x99);
    rig.subchannel.user = undefined;
    rig.subchannel.pathChanged('offline', 0x40);
    expect(rig.device.reports).toEqual([]);
  });

  test('a subchannel that does not answer is ENODEV', async () => {
    const rig = await Rig.in('IDLE');
    rig.machine.gone = true;
    expect(() => rig.subchannel.pathChanged('offline', 0x40)).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  });
});

describe('events of the subchannel', () => {
  test('ccw 22: an interrupt without a private, or in STANDBY, disables the subchannel and signals nothing', async () => {
    const rig = await Rig.in('STANDBY');
    rig.bind(0);
    for (const user of [rig.device, undefined]) {
      SCHIB.set(rig.machine.schib, 'enabled', 1);
      rig.subchannel.user = user;
      await rig.interrupt();
      expect([SCHIB.get(rig.machine.schib, 'enabled'), rig.signals[0]]).toEqual([0, 0]);
    }
  });

  test('a change of a subchannel that is there is nothing; one that is gone is lost, and then EAGAIN', async () => {
    const rig = await Rig.in('IDLE');
    rig.subchannel.changed();
    expect(rig.device.state).toBe('IDLE');
    rig.machine.gone = true;
    rig.subchannel.changed();
    expect([rig.device.state, rig.unregistrations]).toEqual(['NOT_OPER', 1]);
    expect(() => rig.subchannel.changed()).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  });
});
