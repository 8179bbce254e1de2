/** Client threads: workers that host no actor and may block. */
import { Worker } from 'node:worker_threads';
import { type ActorRef, ActorSystem } from '@mediated/core/actor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echo, type echoProtocol } from '../../dist-fixtures/actor/echo.fixture.js';
import { ClientWorker, nextEvent } from '../../dist-fixtures/actor/harness.fixture.js';
import { relay } from '../../dist-fixtures/actor/relay.fixture.js';

type Echo = ActorRef<NonNullable<(typeof echoProtocol)['types']>>;
const deadWorker = () => new Worker('process.exit(0)', { eval: true });

describe('one job of a client', () => {
  let system: ActorSystem;
  let ref: Echo;
  beforeAll(async () => {
    system = ActorSystem.start({ grace: 0 });
    ref = await system.spawn(echo, {});
  });
  afterAll(() => system.close());

  test.each([
    ['ask', { value: '1,2,3' }],
    ['askSync', { value: 499_500 }],
    ['richSync', { value: { text: 'abab', length: 1000 } }],
    ['failSync', { code: 'EBUSY', message: 'as told' }],
    ['impatientSync', { code: 'ETIMEDOUT' }],
    ['abortedSync', { code: 'ECANCELED' }],
    ['askWhileBlocking', { value: '1,2,3,4' }],
    ['timeOutAndEnd', { code: 'ETIMEDOUT' }],
    ['uncloneableAndEnd', {}],
    ['closeWithAskInFlight', { code: 'ECANCELED' }],
    ['askAfterClose', { code: 'ECANCELED' }],
    ['statistics', { value: 1 }],
  ] as const)('%s; then nothing keeps the thread alive', async (job, answer) => {
    const client = new ClientWorker(system, ref, job);
    const gone = nextEvent(system, 'clientGone');
    expect(await client.next()).toMatchObject(answer);
    expect(await client.exited).toBe(0);
    await gone;
  });

  test('an ask is answered although a blocking ask slept on the same word in between', async () => {
    const client = new ClientWorker(system, ref, 'askAroundTimeout');
    expect(await client.next()).toBe('timed out');
    await ref.ask('release');
    expect(await client.next()).toEqual({ value: 7 });
    expect(await client.exited).toBe(0);
  });

  test('a client that dies while it blocks: the system goes on, its id is used again', async () => {
    const ids: number[] = [];
    for (let round = 0; round < 3; round++) {
      const client = new ClientWorker(system, ref, 'neverSync');
      await ref.ask('neverAsked');
      const gone = nextEvent(system, 'clientGone');
      await client.worker.terminate();
      ids.push((await gone).id);
    }
    expect(new Set(ids).size).toBe(1);
    expect(await ref.ask('echo', 1)).toBe(1);
  });

  test('a worker that never attaches gives the id of its ticket back', async () => {
    const before = system.invite();
    system.watch(deadWorker(), before.ticket);
    await nextEvent(system, 'clientGone');
    const after = system.invite();
    expect(after.ticket.attachment.thread).toBe(before.ticket.attachment.thread);
    system.watch(deadWorker(), after.ticket);
    await nextEvent(system, 'clientGone');
  });

  test('actors see a client end', async () => {
    const watcher = await system.spawn(relay, ref.handle);
    const death = watcher.ask('nextDeath');
    await watcher.ask('forward', 1);
    const gone = nextEvent(system, 'clientGone');
    const client = new ClientWorker(system, ref, 'die');
    expect(await client.exited).toBe(3);
    expect(await death).toBe((await gone).id);
  });
});

describe('the end of the thread that a client waits for', () => {
  test.each(['terminated', 'exits'])('%s: the blocked client gets EIO', async (how) => {
    await using system = ActorSystem.start({ restart: { intensity: 0, period: 1 } });
    const ref = await system.spawn(echo, {}, { thread: 'victim' });
    const client = new ClientWorker(system, ref, 'neverSync');
    await ref.ask('neverAsked');
    if (how === 'terminated') await (await system.thread('victim')).worker.terminate();
    else await ref.ask('exit', 0).catch(() => {});
    expect(await client.next()).toMatchObject({ code: 'EIO' });
    expect(await client.exited).toBe(0);
  });

  test('the system is closed: the blocked client gets EIO', async () => {
    const system = ActorSystem.start({ grace: 0 });
    const ref = await system.spawn(echo, {});
    const client = new ClientWorker(system, ref, 'neverSync');
    await ref.ask('neverAsked');
    await system.close();
    expect(await client.next()).toMatchObject({ code: 'EIO' });
    expect(await client.exited).toBe(0);
  });
});

test('two systems side by side keep their clients apart', async () => {
  await using one = ActorSystem.start();
  await using other = ActorSystem.start();
  const gone: string[] = [];
  one.events.on('clientGone', () => gone.push('one'));
  other.events.on('clientGone', () => gone.push('other'));
  const ref = await other.spawn(echo, {});
  const client = new ClientWorker(other, ref, 'askSync');
  expect(await client.next()).toEqual({ value: 499_500 });
  await client.exited;
  expect(gone).toEqual(['other']);
});
