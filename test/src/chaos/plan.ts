/**
 * Who dies next, and how: a pure function of the seed and the number of the kill. What it does not decide is where threads
 * are when it happens: they run freely.
 */
import { Random } from './random.js';

/** Threads that are killed: clients, the driver's threads, the control thread of the vfio framework. */
export type VictimKind = 'client' | 'driver' | 'control';

/**
 * `moment`: `terminate()` after so many dangerous places and then so many microseconds. `critical`: the same from the moment
 * on at which the client is inside a critical section. `exit`: `process.exit()` by itself at a dangerous place. `loop`: it
 * loops for ever at a dangerous place, then `terminate()`.
 */
export type Way = 'moment' | 'critical' | 'exit' | 'loop';

export interface Plan {
  readonly kill: number;
  readonly victim: VictimKind;
  /** Which of its kind, before those that are dying already are passed over. */
  readonly place: number;
  readonly way: Way;
  /** Dangerous places that it passes first. */
  readonly after: number;
  /** Microseconds from then on. */
  readonly micros: number;
}

/** What a plan chooses from. */
export interface Population {
  readonly clients: number;
  readonly driverThreads: number;
}

const VICTIMS: Readonly<Record<VictimKind, number>> = { client: 80, driver: 17, control: 3 };
const WAYS: Readonly<Record<VictimKind, Partial<Record<Way, number>>>> = {
  client: { moment: 40, critical: 20, exit: 20, loop: 20 },
  driver: { moment: 50, exit: 25, loop: 25 },
  control: { moment: 1 },
};
const MOST_PLACES = 24;
const MOST_MICROS = 400;

/** The plan of a kill. The same seed, number and population give the same plan. */
export function planKill(seed: number, kill: number, { clients, driverThreads }: Population): Plan {
  const random = new Random(seed, kill);
  const victim = random.weighted(VICTIMS);
  const way = random.weighted(WAYS[victim] as Record<Way, number>);
  const place = random.below(victim === 'client' ? clients : victim === 'driver' ? driverThreads : 1);
  return { kill, victim, place, way, after: random.below(MOST_PLACES), micros: random.below(MOST_MICROS) };
}

/** As it is said in reports. */
export function planText({ kill, victim, place, way, after, micros }: Plan): string {
  return `kill ${kill}: ${victim} ${place}, ${way}, after ${after} places and ${micros} microseconds`;
}
