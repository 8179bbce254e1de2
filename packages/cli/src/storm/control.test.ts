/** How a supervisor pauses and ends users. */
import { StormControl } from '#dist/storm/control.js';
import { expect, test } from 'vitest';

/** A user that holds something while it works. */
async function work(control: StormControl, held: { now: number }): Promise<number> {
  let done = 0;
  for (;;) {
    const rests = control.mustRest;
    if (!rests && control.claim()) {
      held.now++;
      await new Promise((resolve) => setImmediate(resolve));
      held.now--;
      done++;
      continue;
    }
    if (!rests) {
      control.finish();
      return done;
    }
    if (!(await control.rest())) return done;
  }
}

test('a limit ends all users together, after exactly that many operations', async () => {
  const control = StormControl.create(3, 1000);
  const done = await Promise.all(Array.from({ length: 3 }, () => work(control, { now: 0 })));
  expect(done.reduce((sum, each) => sum + each, 0)).toBe(1000);
  expect([control.finished, control.ending]).toEqual([true, true]);
  await control.progressed(1);
  await control.pause();
});

test('nobody holds anything while paused; all go on afterwards; stop ends them', async () => {
  const control = StormControl.create(4, 0);
  const held = { now: 0 };
  const users = Array.from({ length: 4 }, () => work(control, held));
  for (let round = 0; round < 20; round++) {
    await control.progressed(50);
    await control.pause();
    expect([held.now, control.resting]).toEqual([0, 4]);
    await control.resume();
    expect(control.resting).toBe(0);
  }
  expect(control.ending).toBe(false);
  control.stop();
  await Promise.all(users);
  expect(control.finished).toBe(true);
});

test('stop ends users that are paused', async () => {
  const control = StormControl.create(2, 0);
  const users = [work(control, { now: 0 }), work(control, { now: 0 })];
  await control.pause();
  control.stop();
  await Promise.all(users);
  await control.resume();
  expect([control.finished, control.resting]).toEqual([true, 2]);
});
