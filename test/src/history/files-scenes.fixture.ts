/** Two files of one device of each vendor, of which the first is closed: what the second still has. */
import { Runtime } from '@mediated/core';
import { ccwUrl, mbochsUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { codeOf } from '../../../packages/core/dist-fixtures/mdev/scripted-runtime.fixture.js';
import { ApStage, FREE } from '../../../packages/vendors/dist-fixtures/ap/stage.fixture.js';
import { GvtClient, GvtStage } from '../../../packages/vendors/dist-fixtures/gvt/stage.fixture.js';
import { close } from './curtain.fixture.js';

/** Where the video memory of an mbochs display begins. */
const MEMORY = 0x3000;

export async function mbochs() {
  const runtime = Runtime.start({ closeDeadline: 0 });
  await runtime.loadDriver(mbochsUrl, { parents: [{ name: 'mbochs' }] });
  const mdev = await runtime.bus.parent('mbochs').create('mbochs-small');
  const [first, second] = [await openDevice(runtime.bus, mdev), await openDevice(runtime.bus, mdev)];
  await first.write(MEMORY, Uint8Array.of(0xca, 0xfe));
  await first.close();
  const pixels = [...(await second.read(MEMORY, 2))];
  await second.close();
  await close(() => runtime.close());
  return { pixels };
}

export async function ap() {
  const stage = await ApStage.set({ ...FREE, adapters: { 5: 13 }, domains: [4] });
  const mdev = await stage.device([5], [4]);
  const guest = await stage.bus.createGuest();
  await guest.connect(mdev);
  const first = await stage.open(mdev);
  const opened = stage.open(mdev);
  const second = await codeOf(opened);
  await first.close();
  const { adapters } = await guest.masks();
  if (second === 'fulfilled') await (await opened).close();
  await close(() => stage[Symbol.asyncDispose]());
  return { second, adapters };
}

export async function ccw() {
  const runtime = Runtime.start({ closeDeadline: 0 });
  await runtime.loadDriver(ccwUrl, { options: { subchannels: { '0.0.0313': {} } } });
  const mdev = await runtime.bus.parents()[0].create('vfio_ccw-io');
  const first = await openDevice(runtime.bus, mdev);
  const opened = openDevice(runtime.bus, mdev);
  const second = await codeOf(opened);
  await first.close();
  // A halt: nothing runs, so an enabled subchannel takes it.
  const file = second === 'fulfilled' ? await opened : undefined;
  const halt =
    file === undefined ? 'no file' : await codeOf(file.write(1 << 10, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0)));
  await file?.close();
  await close(() => runtime.close());
  return { second, halt };
}

export async function gvt() {
  const stage = await GvtStage.set();
  const mdev = await stage.create(8);
  const first = await stage.open(mdev, 7);
  const opened = stage.open(mdev, 7);
  const second = await codeOf(opened);
  await first.close();
  const status = second === 'fulfilled' ? await new GvtClient(await opened).status() : undefined;
  if (second === 'fulfilled') await (await opened).close();
  await close(() => stage[Symbol.asyncDispose]());
  return { second, attached: status?.attached, active: status?.active };
}
