/** Many clients in one program: one thread waits for them all, and goes; nothing of the program waits for them. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { connect, EventDescriptor, Ledger, serveDevice, VfioUserClient } from '@mediated/vfio-user';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf, freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

const CLIENTS = 16;
const PROGRAM = fileURLToPath(new URL('../../dist-fixtures/client/program.fixture.js', import.meta.url));
let stage: Stage;
/** Threads that this one has started since the stage was set: none but those that wait for clients. */
const threads: Worker[] = [];
const note = (worker: Worker) => threads.push(worker);

beforeAll(async () => {
  stage = await Stage.set();
  process.on('worker', note);
});
afterAll(async () => {
  process.off('worker', note);
  await stage.close();
});

test('sixteen clients, each with an interrupt to wait for: one thread waits for all, files are read, all answer', async () => {
  const { runtime } = stage;
  const parent = runtime.bus.parent('p');
  const mdevs = await Promise.all(Array.from({ length: CLIENTS }, () => parent.create('card-one')));
  const served = await Promise.all(mdevs.map((mdev) => serveDevice(runtime, mdev, { path: freshPath() })));
  const clients = await Promise.all(served.map(({ path }) => connect(path)));
  const events = clients.map((client) => client.eventDescriptor());
  const signals = events.map((event) => event.wait(25_000));

  // More of them than Node's pool has threads.
  expect((await Promise.all(clients.map(() => readFile(PROGRAM)))).length).toBe(CLIENTS);
  await Promise.all(clients.map((client, at) => client.write(0, 0, Uint8Array.of(at))));
  expect(await Promise.all(clients.map((client) => client.read(0, 0, 1)))).toEqual(
    clients.map((_, at) => Uint8Array.of(at)),
  );
  await Promise.all(clients.map((client, at) => client.bindInterrupts(0, [events[at]])));
  // The last first: each wait ends by its own signal.
  for (const at of clients.keys()) {
    const last = CLIENTS - 1 - at;
    await clients[last].setIrqs('trigger', 0, 1);
    expect(await signals[last]).toBe(1n);
  }
  expect(threads.length).toBe(1);

  const ended = once(threads[0], 'exit');
  await Promise.all(clients.map((client) => client.close()));
  for (const event of events) event.close();
  await ended;
  expect(clients.map(({ ledger }) => ledger.descriptors)).toEqual(clients.map(() => 0));
  // The next one has a thread again.
  await (await connect(served[0].path)).close();
  await Promise.all(served.map((one) => one.close()));
});

test('a wait for a signal ends with its time, and when the counter is closed; two at once are EBUSY', async () => {
  const ledger = new Ledger();
  const event = EventDescriptor.create(ledger);
  expect(await codeOf(event.wait(1))).toBe('ETIMEDOUT');
  const waiting = codeOf(event.wait());
  expect(await codeOf(event.wait())).toBe('EBUSY');
  event.signal();
  event.signal();
  expect(await waiting).toBe('ok');
  const closed = codeOf(event.wait());
  event.close();
  expect(await closed).toBe('ECANCELED');
  expect(ledger.descriptors).toBe(0);
});

test('clients whose waiting thread dies are told, and the next has another', async () => {
  const client = await stage.connect();
  const before = threads.length;
  await threads.at(-1)?.terminate();
  await client.channel.ended;
  expect(await codeOf(client.read(0, 0, 1))).toBe('EIO');
  const next = await stage.connect();
  expect(threads.length).toBe(before + 1);
  await next.close();
});

/** A client of a server that knows nothing of devices, while `use` runs; the other end is paused. */
async function withServer(use: (client: VfioUserClient, other: Socket) => Promise<void>): Promise<void> {
  const path = freshPath();
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, 'listening');
  const connection = once(server, 'connection');
  const client = VfioUserClient.open(path);
  const [other] = (await connection) as [Socket];
  try {
    await use(client, other);
  } finally {
    other.destroy();
    await client.channel.ended;
    await promisify(server.close.bind(server))();
  }
  expect(client.ledger.descriptors).toBe(0);
}

test('what a server does not take is sent when it does, in order; who sends when it has gone is told', async () => {
  const PIECE = 2 ** 18;
  // Far more than the two sockets and the client's buffer hold.
  const pieces = Array.from({ length: 40 }, (_, at) => new Uint8Array(PIECE).fill(at));
  await withServer(async (client, other) => {
    const send = () => pieces.map((piece) => codeOf(client.channel.sendRaw(piece)));
    const sent = send();
    const arrived: Buffer[] = [];
    let bytes = 0;
    const all = new Promise<void>((resolve) => {
      other.on('data', (some: Buffer) => {
        arrived.push(some);
        bytes += some.length;
        if (bytes === pieces.length * PIECE) resolve();
      });
    });
    other.resume();
    expect(new Set(await Promise.all(sent))).toEqual(new Set(['ok']));
    await all;
    expect(Buffer.concat(arrived).equals(Buffer.concat(pieces))).toBe(true);
    other.pause();
    const lost = send();
    await client.close();
    expect((await Promise.all(lost)).at(-1)).toBe('EIO');
    expect(await codeOf(client.channel.sendRaw(pieces[0]))).toBe('EIO');
  });
});

test('a reply that is none ends the connection, and is the cause of what is told', async () => {
  await withServer(async (client, other) => {
    const answer = client.info();
    // A size of 1.
    other.write(Uint8Array.of(0, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0));
    await expect(answer).rejects.toMatchObject({ code: 'EIO', cause: { code: 'EINVAL' } });
  });
});

test.for([
  ['close', ''],
  ['exit', ''],
  ['terminate', ''],
  ['close', 'turns'],
  ['exit', 'turns'],
])('a program with clients ends: %s, event loop %j', async ([way, setting], { signal }) => {
  const env = { ...process.env, MEDIATED_EVENT_LOOP: setting };
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, stage.served.path, way], { env, signal });
  expect(stdout).toBe('1\n');
});
