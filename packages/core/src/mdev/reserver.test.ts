/** A wider space of UUIDs: every create asks for its UUID before it begins. */
import type { Parent } from '@mediated/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ANSWER, ASKED, countingReserver, RELEASED } from '../../dist-fixtures/mdev/reserver.fixture.js';
import { codeOf, Scripted, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';

let scripted: Scripted;
let parent: Parent;
let words: Int32Array<SharedArrayBuffer>;
beforeEach(async () => {
  scripted = await Scripted.start();
  parent = await scripted.parent('one');
  words = new Int32Array(new SharedArrayBuffer(12));
});
afterEach(() => scripted.close());

async function reserve() {
  const { runtime } = scripted;
  const actor = await runtime.system.spawn(countingReserver, words);
  runtime.reserveWith(actor.handle);
  return actor;
}

test('a create asks once; what is created is not given back', async () => {
  await reserve();
  await (await parent.create('t-plain', uuid(1))).remove();
  expect([words[ASKED], words[RELEASED]]).toEqual([1, 0]);
});

test('the errno that it answers refuses the create, and nothing has happened', async () => {
  await reserve();
  words[ANSWER] = -17;
  const events: string[] = [];
  scripted.runtime.bus.events.on('uevent', ({ action }) => events.push(action));
  expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
  scripted.runtime.bus.drainEvents();
  expect([events, scripted.runtime.bus.mdev(uuid(1)), words[RELEASED]]).toEqual([[], undefined, 0]);
});

test('a create that fails has given the UUID back when its error is answered', async () => {
  await reserve();
  await parent.create('t-plain', uuid(1));
  expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
  expect([words[ASKED], words[RELEASED]]).toEqual([2, 1]);
});

test('who has reserved already is not asked again', async () => {
  await reserve();
  await parent.createReserved('t-plain', uuid(1));
  expect(words[ASKED]).toBe(0);
});

test('without one, or after it was taken away, nobody is asked', async () => {
  const actor = await reserve();
  scripted.runtime.reserveWith(undefined);
  await scripted.runtime.system.stop(actor);
  await parent.create('t-plain', uuid(1));
  expect(words[ASKED]).toBe(0);
});

test('one that is gone without a word: EIO', async () => {
  const actor = await reserve();
  await scripted.runtime.system.stop(actor);
  expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EIO');
  scripted.runtime.reserveWith(undefined);
  await parent.create('t-plain', uuid(1));
});

test('a second one is refused: EBUSY', async () => {
  const actor = await reserve();
  expect(() => scripted.runtime.reserveWith(actor.handle)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
});
