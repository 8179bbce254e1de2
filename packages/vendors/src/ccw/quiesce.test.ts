/** Quiescing (ccw section 3): what a close does about a program that still runs. */
import { expect, test } from 'vitest';
import { closeDevice, resetDevice, shutDown, dmaUnmap } from '#dist/ccw/life.js';
import { ORB, SCHIB, SCSW } from '#dist/ccw/architected.js';
import { raise } from '#dist/ccw/state-machine.js';
import { PROGRAM, Rig, turn } from '../../dist-fixtures/ccw/rig.fixture.js';

const instructions = (rig: Rig) => rig.machine.calls.filter((call) => !call.startsWith('msch'));

/** The machine interrupts for what it has accepted, soon. */
function interruptsSoon(rig: Rig): void {
  rig.machine.onEnd = () =>
    setImmediate(() => {
      rig.machine.store({ address: ORB.get(rig.machine.started?.orb ?? new Uint8Array(12), 'address') + 8 });
      rig.subchannel.interrupt();
    });
}

/** A rig whose program runs and cannot be cancelled any more. */
async function running(): Promise<Rig> {
  const rig = await Rig.in('CP_PENDING');
  rig.machine.calls.length = 0;
  rig.machine.answers.xsch.push(...Array(600).fill(2));
  return rig;
}

test('a start that has not begun is cancelled', async () => {
  const rig = await Rig.in('CP_PENDING');
  rig.machine.calls.length = 0;
  await closeDevice(rig.device);
  expect([rig.device.state, instructions(rig), rig.guest.pinned]).toEqual(['STANDBY', ['xsch'], 0]);
});

test('a program that runs is halted, and its interrupt is waited for', async () => {
  const rig = await running();
  rig.bind(0);
  interruptsSoon(rig);
  await closeDevice(rig.device);
  expect([rig.device.state, instructions(rig), rig.guest.pinned, rig.signals[0]]).toEqual([
    'STANDBY',
    ['xsch', 'hsch'],
    0,
    1,
  ]);
  // What the interrupt left to do was done while there was a program.
  expect(SCSW.get(rig.device.regions[0], 'address', 24)).toBe(PROGRAM + 8);
  expect(rig.timers).toEqual([]);
});

test('a halt that is refused becomes a clear', async () => {
  const rig = await running();
  interruptsSoon(rig);
  rig.machine.answers.hsch.push(1);
  await closeDevice(rig.device);
  expect([rig.device.state, instructions(rig)]).toEqual(['STANDBY', ['xsch', 'hsch', 'csch']]);
});

test('an interrupt that does not come is waited for three seconds, each time; three halts, then clears, then it gives up', async () => {
  const rig = await running();
  const closed = closeDevice(rig.device);
  const waits: number[] = [];
  for (let ended = false; !ended; ) {
    await turn();
    const timer = rig.timers.shift();
    if (timer === undefined) ended = true;
    else {
      waits.push(timer.milliseconds);
      timer.callback();
    }
  }
  await closed;
  // The first try halts; while the halt is pending, halts go on until three were made, and clears follow.
  const made = instructions(rig);
  expect(made.filter((name) => name === 'hsch')).toHaveLength(3);
  expect(made.filter((name) => name === 'csch')).toHaveLength(255);
  expect([rig.device.state, rig.unregistrations, rig.guest.pinned]).toEqual(['NOT_OPER', 1, 0]);
  expect(new Set(waits)).toEqual(new Set([3000]));
});

test('a device that is lost meanwhile stays so, even if the subchannel can be disabled after all', async () => {
  const rig = await running();
  const closed = closeDevice(rig.device);
  await turn();
  raise(rig.device, 'NOT_OPER');
  expect(rig.device.state).toBe('NOT_OPER');
  await rig.interrupt();
  rig.timers[0].callback();
  await closed;
  expect(SCHIB.get(rig.machine.schib, 'enabled')).toBe(0);
  expect([rig.device.state, rig.unregistrations, rig.guest.pinned]).toEqual(['NOT_OPER', 1, 0]);
});

test('a subchannel that was disabled behind its back is lost', async () => {
  const rig = await Rig.in('IDLE');
  SCHIB.set(rig.machine.schib, 'enabled', 0);
  rig.subchannel.refresh();
  await closeDevice(rig.device);
  expect(rig.device.state).toBe('NOT_OPER');
});

test('two resets at once follow each other', async () => {
  const rig = await running();
  interruptsSoon(rig);
  await Promise.all([resetDevice(rig.device), resetDevice(rig.device)]);
  expect([rig.device.state, instructions(rig)]).toEqual(['IDLE', ['xsch', 'hsch']]);
});

test('ccw 18: unmapping a range without a page of the program does nothing, one with a page ends the program', async () => {
  const rig = await running();
  interruptsSoon(rig);
  await dmaUnmap(rig.device, 0x30000n, 0x10000n);
  expect([rig.device.state, rig.guest.pinned, rig.machine.calls]).toEqual(['CP_PENDING', 1, []]);
  await dmaUnmap(rig.device, 0x1f000n, 0x2000n);
  expect([rig.device.state, rig.guest.pinned, instructions(rig)]).toEqual(['IDLE', 0, ['xsch', 'hsch']]);
});

test('when the machine goes down, a device is closed and lost', async () => {
  const rig = await running();
  interruptsSoon(rig);
  await shutDown(rig.device);
  expect([rig.device.state, SCHIB.get(rig.machine.schib, 'enabled')]).toEqual(['NOT_OPER', 0]);
});

test('a work that is called off does not run; one that has begun is waited for', async () => {
  const rig = await Rig.in('CP_PENDING');
  rig.bind(0);
  rig.machine.store({});
  rig.subchannel.interrupt();
  await rig.device.ioWork.cancel();
  await rig.works.flush();
  expect([rig.signals[0], rig.device.state]).toEqual([0, 'CP_PENDING']);
  const release = await rig.device.ioMutex.acquire();
  rig.device.ioWork.queue();
  await turn();
  let canceled = false;
  const cancel = rig.device.ioWork.cancel().then(() => {
    canceled = true;
  });
  await turn();
  expect(canceled).toBe(false);
  release();
  await cancel;
  expect([rig.signals[0], rig.device.state]).toEqual([1, 'IDLE']);
});
