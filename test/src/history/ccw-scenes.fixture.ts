/** What happened to subchannels that are passed through, before and after their life cycle was that of the mdev. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { ccwUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { closeDevice, openDevice as openCcw } from '../../../packages/vendors/dist/ccw/life.js';
import { codeOf } from '../../../packages/core/dist-fixtures/mdev/scripted-runtime.fixture.js';
import { Rig, turn } from '../../../packages/vendors/dist-fixtures/ccw/rig.fixture.js';
import { close } from './curtain.fixture.js';

/** Position of the channel-report region. */
const REPORTS_AT = 3 << 10;
/** A path of every subchannel. */
const PATH = '40';

async function withSubchannel<T>(play: (parent: Parent, runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = Runtime.start({ closeDeadline: 0 });
  await runtime.loadDriver(ccwUrl, { options: { subchannels: { '0.0.0313': {} } } });
  const outcome = await play(runtime.bus.parents()[0], runtime);
  await close(() => runtime.close());
  return outcome;
}

const make = (parent: Parent): Promise<Mdev> => parent.create('vfio_ccw-io');

/** An interrupt comes to a device that nobody has open. */
export async function strayInterrupt() {
  const rig = await Rig.in('STANDBY');
  rig.bind(0);
  rig.machine.calls.length = 0;
  await rig.interrupt();
  return { signals: rig.signals[0], instructions: rig.machine.calls };
}

/** The subchannel is lost while a program runs. */
export async function lostSubchannel(): Promise<{ state: string; pinned: number }> {
  const rig = await Rig.in('CP_PENDING');
  rig.machine.gone = true;
  rig.subchannel.changed();
  await rig.works.flush();
  return { state: rig.device.state, pinned: rig.guest.pinned };
}

/** An interrupt comes while a request has the regions. */
export async function interruptDuringRequest() {
  const rig = await Rig.in('CP_PROCESSING');
  rig.bind(0);
  rig.machine.store({});
  rig.subchannel.interrupt();
  for (let round = 0; round < 3; round++) await turn();
  const told = rig.signals[0];
  rig.finishPlanning();
  await rig.works.flush();
  return { toldUnderRequest: told, told: rig.signals[0] };
}

/** A device is closed while a program runs that has to be halted, and opened again. */
export async function closedWhileRunning(): Promise<{ state: string; again: string }> {
  const rig = await Rig.in('CP_PENDING');
  rig.machine.answers.xsch.push(2);
  rig.machine.onEnd = () =>
    setImmediate(() => {
      rig.machine.store({});
      rig.subchannel.interrupt();
    });
  await closeDevice(rig.device);
  return { state: rig.device.state, again: await codeOf(openCcw(rig.device)) };
}

/** A device that was made, but is not open: whether its subchannel may interrupt. */
export async function madeButClosed(): Promise<{ enabled: boolean; open: string; enabledOpen: boolean }> {
  const rig = new Rig();
  const { enabled } = rig.subchannel;
  const open = await codeOf(openCcw(rig.device));
  return { enabled, open, enabledOpen: rig.subchannel.enabled };
}

/** A second device on a subchannel that has one. */
export function secondDevice() {
  return withSubchannel(async (parent, { bus }) => {
    await make(parent);
    const available = await parent.availableInstances('vfio_ccw-io');
    bus.drainEvents();
    const events: string[] = [];
    bus.events.on('uevent', ({ action, variables }) => {
      if (variables.some(([name, value]) => name === 'SUBSYSTEM' && value === 'mdev')) events.push(action);
    });
    const create = await codeOf(make(parent));
    bus.drainEvents();
    // A copy: the end of the scene has events too.
    return { create, available, events: [...events] };
  });
}

/** The subchannel is lost when its device has been removed: whether somebody still listens, and has it taken away. */
export function lostAfterRemoval() {
  return withSubchannel(async (parent) => {
    await (await make(parent)).remove();
    const first = await codeOf(parent.storeAttribute('machine/detach', '1'));
    // EAGAIN or ENODEV: it is being taken away, or has been.
    const second = await codeOf(parent.storeAttribute('machine/detach', '1'));
    return { first, takenAway: second !== 'fulfilled' };
  });
}

/** Channel reports that one guest has not read, and what it wrote: whether the next guest finds them. */
export function nextGuest() {
  return withSubchannel(async (parent, { bus }) => {
    const first = await make(parent);
    const file = await openDevice(bus, first);
    await file.write(0, Uint8Array.of(0xaa)).catch(() => {});
    await parent.storeAttribute('machine/path', `offline ${PATH}`);
    await parent.storeAttribute('machine/path', `online ${PATH}`);
    await file.close();
    await first.remove();
    const second = await openDevice(bus, await make(parent));
    const written = (await second.read(0, 1))[0];
    const report = [...(await second.read(REPORTS_AT, 4))];
    await second.close();
    return { written, report };
  });
}
