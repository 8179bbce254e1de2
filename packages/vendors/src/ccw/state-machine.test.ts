/** The state machine: every cell of the table (ccw section 3), and what its actions do. */
import { expect, describe, test } from 'vitest';
import { COMMAND_HALT } from '#dist/ccw/regions.js';
import { type Event, raise, type State } from '#dist/ccw/state-machine.js';
import { ACTIVITY, SCHIB, SCSW, STATUS, ORB } from '#dist/ccw/architected.js';
import { closeDevice, openDevice, resetDevice } from '#dist/ccw/life.js';
import { orb } from '../../dist-fixtures/ccw/guest.fixture.js';
import { PROGRAM, Rig, turn } from '../../dist-fixtures/ccw/rig.fixture.js';

const ERRNO: Record<string, number> = { EIO: 5, EAGAIN: 11, EBUSY: 16 };
const enabled = (rig: Rig) => SCHIB.get(rig.machine.schib, 'enabled') === 1;

/** Prepares what an event finds in the regions: a request to start, a command to halt. */
function fillRegions(rig: Rig): void {
  const [io, command] = rig.device.regions;
  io.set(orb(PROGRAM));
  io.set(SCSW.bytes({ functions: 4 }), 12);
  io.set([0x12, 0x34, 0x56, 0x78], 120);
  command.set([0, 0, 0, COMMAND_HALT, 0x12, 0x34, 0x56, 0x78]);
}

type Outcome =
  | 'nothing'
  | 'not operational'
  | 'disabled'
  | 'open'
  | 'request'
  | 'async'
  | 'irq'
  | 'close'
  | `ret=${string}`
  | `cmd ret=${string}`;

const EVENTS: Event[] = ['NOT_OPER', 'IO_REQ', 'ASYNC_REQ', 'INTERRUPT', 'OPEN', 'CLOSE'];
const TABLE: Record<State, Outcome[]> = {
  NOT_OPER: ['nothing', 'ret=EIO', 'cmd ret=EIO', 'disabled', 'nothing', 'nothing'],
  STANDBY: ['not operational', 'ret=EIO', 'cmd ret=EIO', 'disabled', 'open', 'not operational'],
  IDLE: ['not operational', 'request', 'async', 'irq', 'not operational', 'close'],
  CP_PROCESSING: ['not operational', 'ret=EAGAIN', 'cmd ret=EAGAIN', 'irq', 'not operational', 'close'],
  CP_PENDING: ['not operational', 'ret=EBUSY', 'async', 'irq', 'not operational', 'close'],
};

/** The state afterwards, where it is another. */
const NEXT: Partial<Record<Outcome, State>> = {
  'not operational': 'NOT_OPER',
  open: 'IDLE',
  request: 'CP_PENDING',
  close: 'STANDBY',
};

const cells = Object.entries(TABLE).flatMap(([state, row]) =>
  row.map((outcome, column) => [state as State, EVENTS[column], outcome] as const),
);

describe('ccw 1: each event in each state', () => {
  test.each(cells)('%s, %s: %s', async (state, event, outcome) => {
    const rig = await Rig.in(state);
    const { device, machine } = rig;
    // Nothing but a close waits in these cells, and a close does not while nothing runs on the machine.
    if (event === 'CLOSE' && state === 'CP_PENDING') SCHIB.set(machine.schib, 'functions', 0);
    if (event === 'OPEN' && state === 'NOT_OPER') machine.gone = false;
    if (outcome !== 'close') fillRegions(rig);
    rig.bind(0);
    machine.calls.length = 0;
    const done = raise(device, event);
    expect(device.state).toBe(NEXT[outcome] ?? state);
    const refused = rig.result(0);
    rig.finishPlanning();
    await done;
    await rig.works.flush();
    await turn();

    const [ret, commandRet] = [rig.result(0), rig.result(1)];
    if (outcome.startsWith('ret=')) {
      expect(refused).toBe(ERRNO[outcome.slice(4)]);
    } else if (outcome.startsWith('cmd ret=')) {
      expect(commandRet).toBe(ERRNO[outcome.slice(8)]);
    } else if (outcome === 'request') {
      expect([ret, machine.calls]).toEqual([0, ['ssch']]);
    } else if (outcome === 'async') {
      expect([commandRet, machine.calls]).toEqual([0, ['hsch']]);
    } else if (outcome === 'open') {
      expect([enabled(rig), SCHIB.get(machine.schib, 'subclass')]).toEqual([true, 3]);
    } else if (outcome === 'close') {
      expect([enabled(rig), rig.guest.pinned, device.program.initialized]).toEqual([false, 0, false]);
    } else if (outcome === 'disabled') {
      expect([enabled(rig), rig.signals[0]]).toEqual([false, 0]);
    } else if (outcome === 'irq') {
      expect(rig.signals[0]).toBe(1);
    } else if (outcome === 'not operational') {
      expect([rig.unregistrations, device.program.initialized, rig.guest.pinned]).toEqual([1, false, 0]);
    } else {
      expect([machine.calls, -ret, rig.signals]).toEqual([[], 0x12345678, [0, 0, 0]]);
    }
  });
});

describe('requests', () => {
  test('ccw 6: a write of four zero bytes at the result issues the request again', async () => {
    const rig = await Rig.in('IDLE');
    rig.machine.answers.ssch.push(1);
    expect(await rig.request()).toBe('EBUSY');
    expect(rig.device.state).toBe('IDLE');
    expect(await rig.write(120, new Uint8Array(4))).toBe(4);
    expect([rig.device.state, rig.machine.calls.filter((call) => call === 'ssch').length]).toEqual(['CP_PENDING', 2]);
  });

  test('ccw 7: without a function bit the old answer comes again', async () => {
    const rig = await Rig.in('IDLE');
    rig.machine.answers.ssch.push(2);
    expect(await rig.request()).toBe('EBUSY');
    expect(await rig.write(12, SCSW.bytes({}))).toBe('EBUSY');
    expect([rig.device.state, rig.result(0)]).toEqual(['IDLE', 16]);
  });

  test('ccw 8: a start while a program runs is EBUSY', async () => {
    const rig = await Rig.in('CP_PENDING');
    expect(await rig.request()).toBe('EBUSY');
    expect([rig.device.state, rig.device.program.initialized]).toEqual(['CP_PENDING', true]);
  });

  test('ccw 8: a second write while the first is under way is EAGAIN, in either region', async () => {
    const rig = await Rig.in('IDLE');
    rig.holdPlanning();
    const first = rig.request();
    await turn();
    expect(await rig.request()).toBe('EAGAIN');
    expect(await rig.write(1 << 10, new Uint8Array(4))).toBe('EAGAIN');
    rig.finishPlanning();
    expect(await first).toBe(124);
    expect(rig.device.state).toBe('CP_PENDING');
  });

  test('ccw 9: a transport-mode ORB is EOPNOTSUPP', async () => {
    const rig = await Rig.in('IDLE');
    expect(await rig.request(orb(PROGRAM, { transport: 1 }))).toBe('EOPNOTSUPP');
    expect([rig.device.state, rig.machine.calls.includes('ssch')]).toEqual(['IDLE', false]);
  });

  test.each([2, 1, 3])('function bits %i without start are EOPNOTSUPP', async (functions) => {
    const rig = await Rig.in('IDLE');
    expect(await rig.request(orb(PROGRAM), functions)).toBe('EOPNOTSUPP');
    expect(rig.device.state).toBe('IDLE');
  });

  test('start wins over halt and clear', async () => {
    const rig = await Rig.in('IDLE');
    expect(await rig.request(orb(PROGRAM), 7)).toBe(124);
    expect(rig.device.state).toBe('CP_PENDING');
  });

  test.each([
    [1, 'EBUSY'],
    [2, 'EBUSY'],
  ] as const)('ccw 13: condition code %i of a start is %s, and nothing stays pinned', async (condition, code) => {
    const rig = await Rig.in('IDLE');
    rig.machine.answers.ssch.push(condition);
    expect(await rig.request()).toBe(code);
    expect([rig.guest.pinned, rig.device.program.initialized, rig.device.state]).toEqual([0, false, 'IDLE']);
  });

  test('ccw 20: condition code 3 with other paths left is EACCES, and that path is not taken again', async () => {
    const rig = await Rig.in('IDLE');
    rig.machine.answers.ssch.push(3, 3);
    expect(rig.subchannel.lpm).toBe(0xc0);
    expect(await rig.request(orb(PROGRAM, { lpm: 0x80 }))).toBe('EACCES');
    expect(rig.subchannel.lpm).toBe(0x40);
    expect(await rig.request(orb(PROGRAM, { lpm: 0x40 }))).toBe('ENODEV');
    expect([rig.subchannel.lpm, rig.guest.pinned, rig.device.state]).toEqual([0, 0, 'IDLE']);
  });

  test('condition code 3 of a subchannel that is gone is ENODEV', async () => {
    const rig = await Rig.in('IDLE');
    rig.machine.gone = true;
    expect(await rig.request(orb(PROGRAM, { lpm: 0x80 }))).toBe('ENODEV');
  });

  test('the machine is given a translated ORB', async () => {
    const rig = await Rig.in('IDLE');
    await rig.request(orb(PROGRAM, { intparm: 0xdead, key: 5, c64: 0, format: 1, lpm: 0 }));
    const { orb: given, storage } = rig.machine.started ?? {};
    expect(
      given && Object.fromEntries(Object.keys(ORB.fields).map((name) => [name, ORB.get(given, name as 'key')])),
    ).toMatchObject({
      intparm: 0x10313,
      key: 5,
      format: 1,
      prefetch: 1,
      c64: 1,
      i2k: 1,
      lpm: 0xc0,
    });
    expect(given && storage?.at(ORB.get(given, 'address'), 1)?.[0]).toBe(0x05);
  });

  test('a request is refused when the device was closed while it was translated', async () => {
    const rig = await Rig.in('CP_PROCESSING');
    const closed = raise(rig.device, 'CLOSE');
    expect(rig.device.state).toBe('STANDBY');
    rig.finishPlanning();
    await closed;
    await turn();
    expect([rig.device.state, rig.result(0), rig.guest.pinned, rig.machine.calls.includes('ssch')]).toEqual([
      'STANDBY',
      5,
      0,
      false,
    ]);
  });

  test('NOT_OPER stays when the request that it met ends', async () => {
    const rig = await Rig.in('CP_PROCESSING');
    raise(rig.device, 'NOT_OPER');
    rig.finishPlanning();
    await turn();
    expect([rig.device.state, rig.result(0), rig.guest.pinned]).toEqual(['NOT_OPER', 5, 0]);
  });
});

describe('interrupts', () => {
  test('ccw 13: a final solicited interrupt ends the program', async () => {
    const rig = await Rig.in('CP_PENDING');
    expect(rig.guest.pinned).toBe(1);
    await rig.interrupt();
    expect([rig.device.state, rig.guest.pinned, rig.device.program.initialized]).toEqual(['IDLE', 0, false]);
  });

  test('one that is not final keeps it', async () => {
    const rig = await Rig.in('CP_PENDING');
    rig.bind(0);
    const activity = ACTIVITY.deviceActive | ACTIVITY.subchannelActive;
    await rig.interrupt({ status: STATUS.intermediate | STATUS.pending, activity });
    expect([rig.device.state, rig.guest.pinned, rig.signals[0]]).toEqual(['CP_PENDING', 1, 1]);
  });

  test('ccw 14: an unsolicited one is signalled and keeps state and program', async () => {
    const rig = await Rig.in('CP_PENDING');
    rig.bind(0);
    await rig.interrupt({ status: STATUS.alert | STATUS.pending, deviceStatus: 0x80 });
    expect([rig.device.state, rig.guest.pinned, rig.signals[0]]).toEqual(['CP_PENDING', 1, 1]);
  });

  test('a deferred condition code makes one solicited', async () => {
    const rig = await Rig.in('CP_PENDING');
    await rig.interrupt({ status: STATUS.alert | STATUS.pending, deferredCondition: 1 });
    expect(rig.device.state).toBe('IDLE');
  });

  test('ccw 15: a halt of a running program is 0; the final interrupt makes it idle', async () => {
    const rig = await Rig.in('CP_PENDING');
    expect(await rig.write(1 << 10, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0))).toBe(8);
    expect([rig.device.state, SCHIB.get(rig.subchannel.schib, 'activity')]).toEqual([
      'CP_PENDING',
      ACTIVITY.startPending | ACTIVITY.haltPending,
    ]);
    await rig.interrupt({ functions: 2 });
    expect([rig.device.state, rig.guest.pinned]).toEqual(['IDLE', 0]);
  });

  test('a clear leaves exactly clear-pending', async () => {
    const rig = await Rig.in('CP_PENDING');
    expect(await rig.write(1 << 10, Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0))).toBe(8);
    expect(SCHIB.get(rig.subchannel.schib, 'activity')).toBe(ACTIVITY.clearPending);
  });

  test('the block is copied without the rest of its area, and its address is the guest’s', async () => {
    const rig = await Rig.in('CP_PENDING');
    rig.device.regions[0].fill(0x77, 24 + 64, 120);
    const host = ORB.get(rig.machine.started?.orb ?? new Uint8Array(12), 'address');
    await rig.interrupt({ address: host + 8, deviceStatus: 0x0c });
    const irb = rig.device.regions[0].subarray(24, 120);
    expect([SCSW.get(irb, 'address'), SCSW.get(irb, 'deviceStatus')]).toEqual([PROGRAM + 8, 0x0c]);
    expect([irb[12], irb[32], irb[63], irb[64], irb[95]]).toEqual([0xe5, 0xec, 0xec, 0x77, 0x77]);
  });

  test('two before the work runs are one, the later', async () => {
    const rig = await Rig.in('CP_PENDING');
    rig.bind(0);
    const activity = ACTIVITY.subchannelActive;
    rig.machine.store({ status: STATUS.intermediate | STATUS.pending, activity, subchannelStatus: 0x80 });
    rig.subchannel.interrupt();
    await rig.interrupt({ deviceStatus: 0x0e });
    expect([rig.signals[0], SCSW.get(rig.device.regions[0], 'deviceStatus', 24)]).toEqual([1, 0x0e]);
  });

  test('a halt and the interrupt of it never make a device idle that was not pending', async () => {
    const rig = await Rig.in('STANDBY');
    await rig.interrupt({ functions: 2 });
    expect(rig.device.state).toBe('STANDBY');
  });
});

describe('asynchronous commands', () => {
  test.each([
    ['hsch', 1, 1, 'EBUSY'],
    ['hsch', 1, 2, 'EBUSY'],
    ['hsch', 1, 3, 'ENODEV'],
    ['csch', 2, 3, 'ENODEV'],
  ] as const)('%s (command %i) with condition code %i is %s', async (name, command, condition, code) => {
    const rig = await Rig.in('IDLE');
    rig.machine.answers[name].push(condition);
    expect(await rig.write(1 << 10, Uint8Array.of(0, 0, 0, command, 0, 0, 0, 0))).toBe(code);
    expect(rig.device.state).toBe('IDLE');
  });

  test.each([0, 3, 0xff])('command %i is EINVAL', async (command) => {
    const rig = await Rig.in('IDLE');
    expect(await rig.write(1 << 10, Uint8Array.of(0, 0, 0, command))).toBe('EINVAL');
  });
});

describe('open, close, reset', () => {
  test('ccw 3: enabled exactly while the state is IDLE or CP_*', async () => {
    const rig = await Rig.in('STANDBY');
    expect(enabled(rig)).toBe(false);
    await openDevice(rig.device);
    expect([rig.device.state, enabled(rig), rig.device.regionCount]).toEqual(['IDLE', true, 4]);
    await rig.request();
    expect([rig.device.state, enabled(rig)]).toEqual(['CP_PENDING', true]);
    await rig.interrupt();
    await closeDevice(rig.device);
    expect([rig.device.state, enabled(rig), rig.device.regionCount]).toEqual(['STANDBY', false, 1]);
  });

  test('ccw 4: when it cannot be enabled, open is EINVAL, the device is lost and its regions are gone', async () => {
    const rig = await Rig.in('STANDBY');
    rig.machine.modifications.push(3);
    await expect(openDevice(rig.device)).rejects.toMatchObject({ code: 'EINVAL' });
    expect([rig.device.state, rig.device.regionCount, rig.unregistrations]).toEqual(['NOT_OPER', 1, 1]);
    await expect(openDevice(rig.device)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(rig.device.state).toBe('NOT_OPER');
  });

  test('reset closes and opens; of a lost device it is EINVAL', async () => {
    const rig = await Rig.in('IDLE');
    await resetDevice(rig.device);
    expect([rig.device.state, rig.machine.calls.map((call) => call.slice(0, 6))]).toEqual([
      'IDLE',
      ['msch 1', 'msch 0', 'msch 1'],
    ]);
    rig.machine.gone = true;
    await expect(resetDevice(rig.device)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(rig.device.state).toBe('NOT_OPER');
    await expect(resetDevice(rig.device)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('enabling tries five times, and once more without concurrent sense after a program check', async () => {
    const rig = await Rig.in('STANDBY');
    rig.machine.modifications.push(2, 2, 2, 2);
    await openDevice(rig.device);
    expect([rig.device.state, rig.machine.calls]).toEqual(['IDLE', Array(5).fill('msch 11')]);

    const checked = await Rig.in('STANDBY');
    checked.machine.modifications.push('program-check');
    await openDevice(checked.device);
    expect([checked.device.state, checked.machine.calls]).toEqual(['IDLE', ['msch 11', 'msch 10']]);

    const status = await Rig.in('STANDBY');
    status.machine.store({});
    status.machine.modifications.push(1);
    await openDevice(status.device);
    expect(status.device.state).toBe('IDLE');
  });

  test.each([
    [Array(5).fill(2), 'EBUSY'],
    [Array(5).fill('forgotten'), 'EAGAIN'],
    [[3], 'ENODEV'],
    [['program-check', 'program-check'], 'EIO'],
  ] as const)('enabling that meets %j is %s', async (answers, code) => {
    const rig = await Rig.in('STANDBY');
    rig.machine.modifications.push(...answers);
    expect(rig.subchannel.enable()).toBe(code);
  });

  test('a subchannel without a device is ENODEV', async () => {
    const rig = await Rig.in('STANDBY');
    SCHIB.set(rig.machine.schib, 'deviceNumberValid', 0);
    expect([rig.subchannel.enable(), rig.subchannel.disable()]).toEqual(['ENODEV', 'ENODEV']);
  });
});
