/** One thread at the sockets of all served devices: how many there may be, and that none holds up another. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setEnvironmentData } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { COMMANDS, connect, type ServedDevice, serveDevice, serveDevices, VfioUserClient } from '@mediated/vfio-user';
import { expect, test } from 'vitest';
import { HANG, REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { CARD, codeOf, freshPath, killThread, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';

const threadsOf = (runtime: Runtime) => runtime.system.statistics().length;

/** A machine in a few bytes: {@link connect} waits on a thread of Node's pool, which has four. */
class Machine {
  readonly ended: Promise<unknown>;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = once(socket, 'close');
  }

  static async attach(path: string): Promise<Machine> {
    const machine = new Machine(createConnection(path));
    await machine.#ask(COMMANDS.version, Buffer.concat([new Uint8Array([0, 0, 1, 0]), Buffer.from('{}\0')]));
    return machine;
  }

  /** Writes a byte to the first register and reads it. */
  async exchange(value: number): Promise<number | undefined> {
    const first = new Uint8Array(16);
    first[12] = 1;
    await this.#ask(COMMANDS.regionWrite, Buffer.concat([first, Uint8Array.of(value)]));
    return (await this.#ask(COMMANDS.regionRead, first)).at(-1);
  }

  leave(): void {
    this.#socket.destroy();
  }

  async #ask(command: number, payload: Uint8Array): Promise<Uint8Array> {
    const header = Buffer.alloc(16);
    header.writeUInt16LE(command, 2);
    header.writeUInt32LE(16 + payload.length, 4);
    this.#socket.write(Buffer.concat([header, payload]));
    const [reply] = (await once(this.#socket, 'data')) as [Buffer];
    return reply;
  }
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

  const machines = await Promise.all(devices.map(({ path }) => Machine.attach(path)));
  const read = await Promise.all(machines.map((machine, at) => machine.exchange(at)));
  expect(read).toEqual(machines.map((_, at) => at));
  // One goes while the others have theirs.
  await devices[0].close();
  await machines[0].ended;
  expect(await machines[99].exchange(7)).toBe(7);
  // A machine that leaves is a close, and the next has the device.
  machines[99].leave();
  machines[99] = await Machine.attach(devices[99].path);
  expect(await machines[99].exchange(8)).toBe(8);

  await served.close();
  await Promise.all(machines.map((machine) => machine.ended));
  expect(devices.map(({ ledger }) => ledger.descriptors + ledger.mappings)).toEqual(devices.map(() => 0));
  expect(readdirSync(directory)).toEqual([]);
  expect(threadsOf(runtime)).toBe(before);

  const again = await serveDevices(runtime, { directory });
  expect(again.devices.length).toBe(100);
  (await Machine.attach(again.devices[50].path)).leave();
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
