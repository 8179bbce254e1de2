/** What a recording hears from the threads of a runtime. */
import { Runtime } from '@mediated/core';
import { Recorder } from '#dist/trace/recorder.js';
import type { TraceBatch } from '#dist/control/protocol.js';
import { mttyUrl } from '@mediated/vendors';
import { afterEach, beforeEach, expect, test } from 'vitest';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

let runtime: Runtime;
beforeEach(() => {
  runtime = Runtime.start();
});
afterEach(() => runtime.close());

const storyOf = (batches: readonly TraceBatch[], thread: string) =>
  batches
    .filter(({ name }) => name === thread)
    .flatMap(({ records }) => records.map(({ phase, name, subject }) => `${phase} ${name} ${subject}`));

test('hears every thread of drivers, those included that start meanwhile, until it is stopped', async () => {
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'early' }] });
  const batches: TraceBatch[] = [];
  const recorder = await Recorder.start(runtime, (batch) => batches.push(batch));
  const mdev = await runtime.bus.parent('early').create('mtty-1', UUID);
  await mdev.remove();
  await recorder.stop();
  // What happens afterwards is not heard.
  await runtime.bus.parent('early').create('mtty-1', UUID);
  expect(storyOf(batches, 'mtty/0')).toEqual([
    `begin create ${UUID}`,
    `begin probe ${UUID}`,
    `end probe ${UUID}`,
    `end create ${UUID}`,
    `begin remove ${UUID}`,
    `begin unbind ${UUID}`,
    `end unbind ${UUID}`,
    `end remove ${UUID}`,
  ]);
  const times = batches.filter(({ name }) => name === 'mtty/0').flatMap(({ records }) => records.map(({ at }) => at));
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('hears what happens on the supervising thread', async () => {
  const batches: TraceBatch[] = [];
  const recorder = await Recorder.start(runtime, (batch) => batches.push(batch));
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'late' }] });
  await runtime.unloadDriver('mtty');
  await recorder.stop();
  const story = storyOf(batches, 'main');
  expect(story).toContain('mark driver loaded mtty');
  expect(story).toContain('mark parent registered late');
  expect(story).toContain('mark driver unloaded mtty');
});

test('hears who waits for a lock, and for which', async () => {
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'card' }] });
  const card = runtime.bus.parent('card');
  await card.storeAttribute('faults/hold_create', '1');
  const batches: TraceBatch[] = [];
  const recorder = await Recorder.start(runtime, (batch) => batches.push(batch));
  const held = card.create('mtty-1', UUID);
  // The create is inside the gate, for which the unregistration then waits.
  const unregistered = runtime.unregisterParent('card');
  await card.storeAttribute('faults/release', 'all').catch(() => {});
  await Promise.allSettled([held, unregistered]);
  await recorder.stop();
  const story = [...storyOf(batches, 'mtty/0'), ...storyOf(batches, 'main')];
  expect(story).toContain('begin lock wait gate: card');
  expect(story).toContain('end lock wait gate: card');
});

test('goes on with a thread that died and was started again', async () => {
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'card' }] });
  const batches: TraceBatch[] = [];
  const recorder = await Recorder.start(runtime, (batch) => batches.push(batch));
  await runtime.bus.parent('card').create('mtty-1');
  const back = new Promise((resolve) => runtime.system.events.once('threadRestart', resolve));
  const { worker } = await runtime.system.thread('mtty/0');
  await worker.terminate();
  await back;
  await runtime.bus.parent('card').create('mtty-1', UUID);
  await recorder.stop();
  expect(storyOf(batches, 'main')).toContain('mark thread restart mtty/0');
  expect(storyOf(batches, 'mtty/0')).toContain(`end create ${UUID}`);
});

test('ends also when threads are dead for good', async () => {
  await runtime.close();
  runtime = Runtime.start({ restart: { intensity: 0, period: 1000 } });
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'card' }] });
  const recorder = await Recorder.start(runtime, () => {});
  await runtime.bus.parent('card').create('mtty-1');
  const died = new Promise((resolve) => runtime.system.events.once('threadDied', resolve));
  const { worker } = await runtime.system.thread('mtty/0');
  await worker.terminate();
  await died;
  await recorder.stop();
});
