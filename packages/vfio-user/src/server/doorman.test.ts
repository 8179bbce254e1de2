/** One thread at the sockets of all served devices: how many there may be, and that none holds up another. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setEnvironmentData } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { connect, type ServedDevice, serveDevice, serveDevices, VfioUserClient } from '@mediated/vfio-user';
import { expect, test } from 'vitest';
import { HANG, REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { CARD, codeOf, freshPath, killThread, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';

const threadsOf = (runtime: Runtime) => runtime.system.statistics().length;

/** Writes a byte to the first register and reads it. */
async function exchange(machine: VfioUserClient, value: number): Promise<Uint8Array> {
  await machine.write(0, 0, Uint8Array.of(value));
  return machine.read(0, 0, 1);
}

test('a hundred devices are served at once, each with its machine, by one thread that comes and goes with them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const warnings: unknown[] = [];
  const warned = (warning: unknown) => warnings.push(warning);
  process.on('warning', warned);
  const runtime = Runtime.start({ closeDeadline: 1000 });
  const parents = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, threads: 1 }));
  await runtime.loadDriver(CARD, { parents, threads: 2 });
  const uuids: string[] = [];
  for (const { name } of parents) {
    for (let port = 0; port < 20; port++) uuids.push((await runtime.bus.parent(name).create('card-one')).uuid);
  }
  const before = threadsOf(runtime);
  const served = await serveDevices(runtime, { directory });
  expect(readdirSync(directory).sort()).toEqual(uuids.map((uuid) => `${uuid}.sock`).sort());
  expect(threadsOf(runtime)).toBe(before + 1);
  const { devices } = served;

  const machines = await Promise.all(devices.map(({ path }) => connect(path)));
  const read = await Promise.all(machines.map((machine, at) => exchange(machine, at)));
  expect(read).toEqual(machines.map((_, at) => Uint8Array.of(at)));
  // One goes while the others have theirs.
  await devices[0].close();
  await machines[0].channel.ended;
  expect(await exchange(machines[99], 7)).toEqual(Uint8Array.of(7));
  // A machine that leaves is a close, and the next has the device.
  await machines[99].close();
  machines[99] = await connect(devices[99].path);
  expect(await exchange(machines[99], 8)).toEqual(Uint8Array.of(8));

  await served.close();
  await Promise.all(machines.map((machine) => machine.channel.ended));
  expect(devices.map(({ ledger }) => ledger.descriptors + ledger.mappings)).toEqual(devices.map(() => 0));
  expect(readdirSync(directory)).toEqual([]);
  expect(threadsOf(runtime)).toBe(before);

  const again = await serveDevices(runtime, { directory });
  expect(again.devices.length).toBe(100);
  await (await connect(again.devices[50].path)).close();
  await again.close();
  await runtime.close();
  expect(warnings).toEqual([]);
  process.off('warning', warned);
  rmSync(directory, { recursive: true });
});

/** Hangs the thread of a stage's device; returns when it does. */
async function hang(
  stage: Stage,
  words: Int32Array<SharedArrayBuffer>,
): Promise<{ machine: VfioUserClient; answer: Promise<unknown> }> {
  const machine = await stage.connect();
  const answer = codeOf(machine.write(0, REGISTERS.hang, u64(1)));
  await Atomics.waitAsync(words, 0, 0).value;
  return { machine, answer };
}

function hangWords(): Int32Array<SharedArrayBuffer> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  setEnvironmentData(HANG, words.buffer as unknown as Parameters<typeof setEnvironmentData>[1]);
  return words;
}

test('a device that hangs holds up none of another thread, and its socket goes when it has done what it was asked', async () => {
  const words = hangWords();
  const stage = await Stage.set(undefined, undefined, ['q']);
  const { runtime } = stage;
  const other = await serveDevice(runtime, await runtime.bus.parent('q').create('card-one'), { path: freshPath() });
  const { machine, answer } = await hang(stage, words);
  let isClosed = false;
  const closing = stage.served.close().then(() => {
    isClosed = true;
  });

  const neighbour = await connect(other.path);
  await neighbour.write(0, 0, Uint8Array.of(5));
  expect(await neighbour.read(0, 0, 1)).toEqual(Uint8Array.of(5));
  await neighbour.close();
  await (await connect(other.path)).close();
  const third = await serveDevice(runtime, await runtime.bus.parent('q').create('card-one'), { path: freshPath() });
  await (await connect(third.path)).close();
  await third.close();
  expect([isClosed, Atomics.load(words, 0)]).toEqual([false, 1]);

  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  expect(await answer).toBe('ok');
  await machine.channel.ended;
  await closing;
  await other.close();
  for (const one of [stage.served, other, third]) expect(one.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
  await stage.close();
});

test('the death of a thread that hangs ends what machines have there, and what they were about to get', async () => {
  const words = hangWords();
  const stage = await Stage.set();
  const { runtime } = stage;
  const beside = await runtime.bus.parent('p').create('card-one');
  const served = await serveDevice(runtime, beside, { path: freshPath() });
  const { machine } = await hang(stage, words);
  const waiting = VfioUserClient.open(served.path);
  await killThread(runtime, stage.mdev);
  await machine.channel.ended;
  await waiting.channel.ended;
  const ended: ServedDevice[] = [stage.served, served];
  await Promise.all(ended.map((one) => one.ended));
  for (const one of ended) expect(one.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
  await stage.close();
});
