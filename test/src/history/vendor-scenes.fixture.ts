/** What drivers did before, as their pages tell: limits, refusals, pins. */
import { Runtime } from '@mediated/core';
import { mdpyUrl, mttyUrl } from '@mediated/vendors';
import { codeOf } from '../../../packages/core/dist-fixtures/mdev/scripted-runtime.fixture.js';
import { ApStage, FREE } from '../../../packages/vendors/dist-fixtures/ap/stage.fixture.js';
import { GvtClient, GvtStage } from '../../../packages/vendors/dist-fixtures/gvt/stage.fixture.js';
import { close } from './curtain.fixture.js';

/** Four displays of one type, then one of another. */
export async function displaysOfTwoTypes() {
  const runtime = Runtime.start({ closeDeadline: 0 });
  await runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
  const parent = runtime.bus.parent('mdpy');
  for (let n = 0; n < 4; n++) await parent.create('mdpy-vga');
  const available = [await parent.availableInstances('mdpy-vga'), await parent.availableInstances('mdpy-hd')];
  const fifth = await codeOf(parent.create('mdpy-hd'));
  await close(() => runtime.close());
  return { available, fifth };
}

/** Thirteen cards of two ports each, where there are 24 ports. */
export async function thirteenCards() {
  const runtime = Runtime.start({ closeDeadline: 0 });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const parent = runtime.bus.parent('mtty');
  const made: string[] = [];
  for (let n = 0; n < 13; n++) made.push(await codeOf(parent.create('mtty-2')));
  await close(() => runtime.close());
  return { made: made.filter((code) => code === 'fulfilled').length, last: made.at(-1) };
}

async function withAttachedMatrix<T>(play: (file: { close(): Promise<void> }, mdev: Matrix) => Promise<T>): Promise<T> {
  const stage = await ApStage.set({ ...FREE, adapters: { 5: 13 }, domains: [4, 5] });
  const mdev = await stage.device([5], [4]);
  const guest = await stage.bus.createGuest();
  await guest.connect(mdev);
  const outcome = await play(await stage.open(mdev), mdev);
  await close(() => stage[Symbol.asyncDispose]());
  return outcome;
}

type Matrix = Awaited<ReturnType<ApStage['device']>>;

/** A matrix device is removed while a guest has it. */
export function matrixRemoved() {
  return withAttachedMatrix(async (file, mdev) => {
    const removal = codeOf(mdev.remove());
    // Answered after the removal has begun or was refused.
    await mdev.actor.ask('children');
    await file.close();
    return removal;
  });
}

/** A domain is assigned while a guest has the device. */
export function matrixAssigned() {
  return withAttachedMatrix(async (file, mdev) => {
    const assigned = await codeOf(mdev.storeAttribute('assign_domain', '5'));
    await file.close();
    return assigned;
  });
}

/** A page that a vGPU has pinned, after its last close. */
export async function pinnedAfterClose() {
  const stage = await GvtStage.set();
  const mdev = await stage.create(8);
  const file = await stage.open(mdev, 7);
  await new GvtClient(file).map(1);
  await file.close();
  const { pinned } = stage;
  await close(() => stage[Symbol.asyncDispose]());
  return { pinned };
}
