/**
 * What the main thread gives a race client to do, and what it answers. Used by `race-replay.ts` and by the client
 * threads (`race-client.fixture.ts`).
 *
 * The control words are shared by all clients of one scenario: STOP is set by the main thread, PROGRESS is counted up by
 * clients in loops, ARRIVED and ROUND are the barrier's.
 */
export const STOP = 0;
export const ARRIVED = 1;
export const ROUND = 2;
export const PROGRESS = 3;
export const CONTROL_WORDS = 4;

export type RaceRole = 'create' | 'remove' | 'remove-all' | 'reader' | 'opener' | 'unbind';

/** One of several clients that do the same thing at the same time, round after round. */
export interface SimultaneousJob {
  readonly kind: 'simultaneous';
  readonly what: 'create' | 'remove';
  /** Whether the file is opened before the barrier. */
  readonly opened: boolean;
  readonly party: number;
  readonly parties: number;
  readonly rounds: number;
  readonly types: readonly string[];
  readonly uuid: string;
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** A client that does one thing over and over, among others that do other things. */
export interface LoopJob {
  readonly kind: 'loop';
  readonly role: RaceRole;
  /** Whether it lets others run between opening a file and writing to it. */
  readonly delayed: boolean;
  /** Times that it is to succeed in creating, within a hundred times as many tries; 0: until STOP is set. */
  readonly successes: number;
  readonly type: string;
  readonly uuids: readonly string[];
  readonly control: Int32Array<SharedArrayBuffer>;
}

export type RaceJob = SimultaneousJob | LoopJob;

/** Outcomes as the recordings name them: `ok`, `ENODEV`, `open:ENOENT`. */
export interface RaceReport {
  /** One per round of what was simultaneous. */
  readonly rounds: readonly string[];
  /** How often each was seen in loops, and in the removals between rounds. */
  readonly counts: Readonly<Record<string, number>>;
  /** What threw something that is no errno. */
  readonly failure?: string;
}

/** A client that found a device wedged asks for its module to be loaded anew, and hears how that went. */
export interface HealRequest {
  readonly heal: string;
}
