/** The actor that a framework has for a bus: started with its first driver, stopped with its last, found by two words. */
import { BusMemory, frameworkActor, type Supervision } from '@mediated/core';
import { ActorSystem } from '@mediated/core/actor';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { echoProtocol } from '../../dist-fixtures/actor/echo.fixture.js';
import { FrameworkActors } from '#dist/mdev/framework-actors.js';

const ECHO = new URL('../../dist-fixtures/actor/echo.fixture.js', import.meta.url).href;
const settings = { id: 'x', gate: 'rwsem', quirks: 'kernel', probeDeadline: 0 } as const;

let system: ActorSystem;
let memory: BusMemory;
let actors: FrameworkActors;

/** Two drivers of one framework share the first argument. */
function supervision(framework: object, name = 'echo'): Supervision {
  const actor = { module: ECHO, name, thread: 'framework', options: {} };
  return { shared: {}, framework, actor, release() {} };
}

beforeEach(() => {
  system = ActorSystem.start();
  memory = BusMemory.create(settings, { devices: 32, parents: 1 });
  actors = new FrameworkActors(system, memory);
});
afterEach(async () => {
  await system.close();
  memory.locks.close();
});

test('it runs from the first driver to the last, and every thread finds it', async () => {
  const framework = {};
  expect(frameworkActor(memory)).toBeUndefined();
  await Promise.all([actors.hold(supervision(framework)), actors.hold(supervision(framework))]);
  const handle = frameworkActor(memory) as NonNullable<ReturnType<typeof frameworkActor>>;
  const ref = system.client.ref(handle, echoProtocol);
  expect(await ref.ask('echo', 7)).toBe(7);
  await actors.drop(supervision(framework));
  expect(await ref.ask('echo', 8)).toBe(8);
  await actors.drop(supervision(framework));
  expect(frameworkActor(memory)).toBeUndefined();
  await expect(ref.ask('echo', 9)).rejects.toMatchObject({ code: 'EIO' });
});

test('a driver that comes while the last one goes gets a new one', async () => {
  const framework = {};
  await actors.hold(supervision(framework));
  const going = actors.drop(supervision(framework));
  await Promise.all([going, actors.hold(supervision(framework))]);
  const handle = frameworkActor(memory) as NonNullable<ReturnType<typeof frameworkActor>>;
  expect(await system.client.ref(handle, echoProtocol).ask('echo', 1)).toBe(1);
});

test('a bus has one: another framework’s is EBUSY; a failed start leaves nothing', async () => {
  const second = {};
  await actors.hold(supervision({}));
  await expect(actors.hold(supervision(second))).rejects.toMatchObject({ code: 'EBUSY' });
  await actors.drop(supervision(second));
  await expect(system.client.ref(frameworkActor(memory) as never, echoProtocol).ask('echo', 2)).resolves.toBe(2);
});

test('a start that fails fails the load, and the next one is tried anew', async () => {
  const framework = {};
  await expect(actors.hold(supervision(framework, 'nothing'))).rejects.toBeDefined();
  await actors.drop(supervision(framework, 'nothing'));
  await actors.hold(supervision(framework));
  expect(frameworkActor(memory)).toBeDefined();
});

test('a framework without one costs nothing', async () => {
  await actors.hold(undefined);
  await actors.hold({ shared: {}, release() {} });
  await actors.drop(undefined);
  expect(frameworkActor(memory)).toBeUndefined();
});
