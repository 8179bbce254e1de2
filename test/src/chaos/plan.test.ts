/** What a chaos run's seed decides. */
import { expect, test } from 'vitest';
import { planKill } from '../../dist/chaos/plan.js';

const population = { clients: 7, driverThreads: 2 };
const plans = (seed: number) => Array.from({ length: 2000 }, (_, kill) => planKill(seed, kill, population));

test('the same seed gives the same kills, another seed others', () => {
  expect(plans(1)).toEqual(plans(1));
  expect(plans(2)).not.toEqual(plans(1));
});

test('every kind of thread is killed in every way that there is for it, and each of them', () => {
  const all = plans(3);
  expect(new Set(all.map(({ victim, way }) => `${victim} ${way}`))).toEqual(
    new Set([
      ...['moment', 'critical', 'exit', 'loop'].map((way) => `client ${way}`),
      ...['moment', 'exit', 'loop'].map((way) => `driver ${way}`),
      'control moment',
    ]),
  );
  const places = (victim: string) =>
    new Set(all.filter((plan) => plan.victim === victim).map(({ place }) => place)).size;
  expect([places('client'), places('driver'), places('control')]).toEqual([7, 2, 1]);
});
