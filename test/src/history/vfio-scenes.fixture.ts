/** What happened to vfio devices in a patch's story: opens, closes, sets, budgets. */
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { codeOf } from '../../../packages/core/dist-fixtures/mdev/scripted-runtime.fixture.js';
import { AT_REGISTRATION } from '../../../packages/vendors/dist-fixtures/framebuffer/faulty.fixture.js';
import { GuestStage } from '../../../packages/vfio/dist-fixtures/control/guest-stage.fixture.js';
import { Complex, dpni, MODEL } from '../../../packages/vfio/dist-fixtures/fsl-mc/stage.fixture.js';
import {
  newTrace as newMcTrace,
  traced as mcTraced,
} from '../../../packages/vfio/dist-fixtures/fsl-mc/mc-model.fixture.js';
import { newTrace } from '../../../packages/vfio/dist-fixtures/platform/nic-model.fixture.js';
import { Board, nic } from '../../../packages/vfio/dist-fixtures/platform/stage.fixture.js';
import * as sample from '../../../packages/vfio/dist-fixtures/sample.fixture.js';
import { Stage } from '../../../packages/vfio/dist-fixtures/stage.fixture.js';
import { close } from './curtain.fixture.js';
import { BEGUN, GO, OPENED_WITHOUT_DATA, SET_TAKEN, WORDS } from './vendor.fixture.js';

const VENDOR = new URL('./vendor.fixture.js', import.meta.url);
const FAULTY_MBOCHS = new URL('../../../packages/vendors/dist-fixtures/mbochs/faulty.fixture.js', import.meta.url);

const words = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));

/** Until a word is at least `least`. */
async function reaches(shared: Int32Array<SharedArrayBuffer>, index: number, least: number): Promise<void> {
  for (let value = Atomics.load(shared, index); value < least; value = Atomics.load(shared, index)) {
    await Atomics.waitAsync(shared, index, value).value;
  }
}

async function withVendor<T>(play: (runtime: Runtime, told: Int32Array<SharedArrayBuffer>) => Promise<T>): Promise<T> {
  const runtime = Runtime.start({ closeDeadline: 0 });
  const told = words(WORDS);
  await runtime.loadDriver(VENDOR, { options: told, parents: [{ name: 'v' }] });
  const outcome = await play(runtime, told);
  await close(() => runtime.close());
  return outcome;
}

async function withSample<T>(threads: number, play: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.set(threads, { closeDeadline: 0 });
  const outcome = await play(stage);
  await close(() => stage[Symbol.asyncDispose]());
  return outcome;
}

/** A device is opened while its vendor is still making it. */
export function openDuringInit() {
  return withVendor(async (runtime, told) => {
    const uuid = crypto.randomUUID();
    const created = runtime.bus.parent('v').create('vendor-slow', uuid);
    await reaches(told, BEGUN, 1);
    const mdev = runtime.bus.mdev(uuid);
    if (mdev === undefined) throw new Error('it is not on the bus yet');
    const opened = openDevice(runtime.bus, mdev);
    const open = await codeOf(opened);
    Atomics.store(told, GO, 1);
    Atomics.notify(told, GO);
    await created;
    if (open === 'fulfilled') await (await opened).close();
    return { open, withoutData: Atomics.load(told, OPENED_WITHOUT_DATA) };
  });
}

/** A device is removed while a program has it open. */
export function removalWithUser() {
  return withSample(1, async (stage) => {
    const mdev = await stage.create('solo');
    const file = await openDevice(stage.bus, mdev);
    const removal = mdev.remove();
    // Answered after the removal has begun.
    await file.ioctl(sample.THREAD);
    const releasedUnderUser = stage.count(sample.RELEASES);
    await file.close();
    await removal;
    return { releasedUnderUser, released: stage.count(sample.RELEASES) };
  });
}

/** What a group of a device with an IOMMU of its own is to the container. */
export async function isolatedDevice() {
  const stage = await GuestStage.set();
  const guest = await stage.guest(await stage.create(1, 'isolated'));
  // Beyond what an IOMMU can map: matters only where there is one.
  const map = await codeOf(guest.container.map({ memory: new SharedArrayBuffer(4096), iova: 2n ** 48n }));
  await guest.file.close();
  await guest.group.close();
  await guest.container.close();
  await close(() => stage[Symbol.asyncDispose]());
  return map;
}

/** A display of 64 MB that cannot be registered: how many of 4 MB fit afterwards. */
export async function failedRegistration() {
  const runtime = Runtime.start({ closeDeadline: 0 });
  const failures = words(2);
  await runtime.loadDriver(FAULTY_MBOCHS, { options: { failures }, parents: [{ name: 'mbochs' }] });
  const parent = runtime.bus.parent('mbochs');
  Atomics.store(failures, AT_REGISTRATION, 1);
  const create = await codeOf(parent.create('mbochs-large'));
  const smallFit = await parent.availableInstances('mbochs-small');
  await (await parent.create('mbochs-large')).remove();
  const afterLife = await parent.availableInstances('mbochs-small');
  await close(() => runtime.close());
  return { create, smallFit, afterLife };
}

/** A device joins a set and then cannot be registered: whether that set is still there when the next one is made. */
export function failedMember() {
  return withVendor(async (runtime, told) => {
    const parent = runtime.bus.parent('v');
    const create = await codeOf(parent.create('vendor-refused'));
    const taken: number[] = [];
    for (const type of ['vendor-joined', 'vendor-joined']) {
      const file = await openDevice(runtime.bus, await parent.create(type));
      taken.push(Atomics.load(told, SET_TAKEN));
      await file.close();
    }
    // The second set is certainly a new one; the first has the mutex of the one that has gone, if it has.
    const [next, fresh] = taken;
    return { create, setLeft: next === fresh };
  });
}

/** Two files of one device. */
export function twoFiles() {
  return withSample(1, async (stage) => {
    const mdev = await stage.create('solo');
    const [first, second] = [await openDevice(stage.bus, mdev), await openDevice(stage.bus, mdev)];
    const opens = stage.count(sample.OPENS);
    await first.close();
    const closesAfterFirst = stage.count(sample.CLOSES);
    await second.close();
    return { opens, closesAfterFirst, closes: stage.count(sample.CLOSES) };
  });
}

/** Two devices of one set, on two threads: the first open of one, when that of the other has not ended. */
export function overlappingOpens() {
  return withSample(2, async (stage) => {
    const [here, there, solo] = [
      await stage.create('pair', 0),
      await stage.create('pair', 1),
      await stage.create('solo', 3),
    ];
    const witness = await openDevice(stage.bus, solo);
    stage.shut();
    const opens = stage.count(sample.OPENS);
    const first = openDevice(stage.bus, here);
    await reachesOpens(stage, opens + 1);
    const second = openDevice(stage.bus, there);
    // On the thread of the second: answered after its open has begun, or waits.
    await witness.ioctl(sample.THREAD);
    stage.unshut();
    for (const file of [await first, await second]) await file.close();
    await witness.close();
    return { overlaps: stage.count(sample.OVERLAPS) };
  });
}

/** Rounds through the device's thread until so many first opens have begun. */
async function reachesOpens(stage: Stage, least: number): Promise<void> {
  while (stage.count(sample.OPENS) < least) await stage.parent.availableInstances('sample-solo');
}

const PAGE = { start: 0x8_0000_0000, size: 0x1000 };

async function withComplex<T>(
  play: (complex: Complex, trace: Int32Array<SharedArrayBuffer>) => Promise<T>,
): Promise<T> {
  const trace = newMcTrace();
  const modelOptions = { trace };
  const objects = [1, 2].map((id) => dpni(id, 2, modelOptions));
  const container = { id: 0, group: 4, irqs: 1, regions: [PAGE], model: MODEL, modelOptions, irqPool: 8, objects };
  const complex = await Complex.set({ containers: [container] });
  const outcome = await play(complex, trace);
  await close(() => complex[Symbol.asyncDispose]());
  return outcome;
}

/** An object is bound while its container is not. */
export function objectWithoutContainer() {
  return withComplex((complex) => codeOf(complex.bind('dpni.1')));
}

/** Of two objects of one container, the first is closed. */
export function objectCloses() {
  return withComplex(async (complex, trace) => {
    await complex.bind('dprc.0');
    const files = [await complex.open('dpni.1'), await complex.open('dpni.2')];
    mcTraced(trace);
    await files[0].close();
    const resets = mcTraced(trace).filter((step) => step.startsWith('reset'));
    await files[1].close();
    return resets;
  });
}

/** Two platform devices on two threads: whether both can be inside their first open. */
export async function platformOpens() {
  const hold = words(2).fill(1, 0, 1);
  const trace = newTrace();
  const board = await Board.set({ devices: [nic('eth0', 1, { trace, hold }), nic('eth1', 2, { trace, hold })] }, 2);
  const mdevs = [await board.bind('eth0', 0), await board.bind('eth1', 1)];
  const first = board.open(mdevs[0]);
  await reaches(hold, 1, 1);
  const second = board.open(mdevs[1]);
  // The other thread answers in order: after some rounds the second open has come as far as it can.
  for (let round = 0; round < 50 && Atomics.load(hold, 1) < 2; round++) await mdevs[1].actor.ask('children');
  const inside = Atomics.load(hold, 1);
  Atomics.store(hold, 0, 0);
  Atomics.notify(hold, 0);
  for (const file of [await first, await second]) await file.close();
  await close(() => board[Symbol.asyncDispose]());
  return { inside };
}
