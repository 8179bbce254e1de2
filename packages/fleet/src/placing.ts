/**
 * Carries a placement out. Each device has its UUID from the start, whichever host gets it, and a name for its request; so however
 * often and wherever it is asked for, the reservation of the UUID lets it come into being once.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isMediatedError, MediatedError } from '@mediated/core';
import { type Asking, isOver, Unanswered, Undelivered } from './asking.js';
import { refusalOf } from './connection.js';
import { type Candidate, candidatesFor, choose, type Policy, take, type Wanted } from './placement.js';
import { reservationRecord } from './records.js';
import { doneAnswer } from './requests.js';
import type { Store } from './store.js';
import type { HostView, View } from './view.js';

/** A device where it came to be. */
export interface Placed {
  readonly uuid: string;
  readonly host: string;
  /** The running life of the host that it belongs to. */
  readonly epoch: string;
  readonly parent: string;
  readonly type: string;
}

/** What a placement has come to. The three lists together are all that was asked for. */
export interface Outcome {
  readonly created: readonly Placed[];
  /** Not created, for certain. */
  readonly failed: readonly { readonly uuid: string; readonly error: MediatedError }[];
  /** It is open whether they were created: the host was lost or did not answer. The UUID tells later. */
  readonly doubtful: readonly (Placed & { readonly error: MediatedError })[];
}

export interface Plan extends Wanted {
  readonly uuids: readonly string[];
  readonly policy: Policy;
  readonly near: HostView | undefined;
  /** Milliseconds for each device. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly progress: ((done: number, all: number) => void) | undefined;
}

/** Devices that are asked for at a time. */
const MOST_UNDER_WAY = 64;
/** Places that seem full, are tried all the same because what is published lags behind, and are full: then it is believed. */
const MOST_FULL_TRIES = 3;
/** Refusals of a place that another one may not give. */
const ELSEWHERE = ['EUSERS', 'ENOSPC', 'ENODEV', 'ENOMEM', 'ESTALE', 'EAGAIN'] as const;

export class Placing {
  readonly #store: Store;
  readonly #view: View;
  readonly #asking: Asking;
  readonly #plan: Plan;
  readonly #candidates: Candidate[];
  #fullTries = MOST_FULL_TRIES;

  constructor(store: Store, view: View, asking: Asking, plan: Plan) {
    this.#store = store;
    this.#view = view;
    this.#asking = asking;
    this.#plan = plan;
    this.#candidates = candidatesFor(view.hosts(), plan, plan.near);
  }

  async run(): Promise<Outcome> {
    const { uuids, progress } = this.#plan;
    const created: Placed[] = [];
    const failed: { uuid: string; error: MediatedError }[] = [];
    const doubtful: (Placed & { error: MediatedError })[] = [];
    const waiting = [...uuids];
    let done = 0;
    const work = async () => {
      for (let uuid = waiting.shift(); uuid !== undefined; uuid = waiting.shift()) {
        const result = await this.#place(uuid);
        if ('error' in result && 'host' in result) doubtful.push(result);
        else if ('error' in result) failed.push(result);
        else created.push(result);
        progress?.(++done, uuids.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(MOST_UNDER_WAY, uuids.length) }, work));
    return { created, failed, doubtful };
  }

  async #place(
    uuid: string,
  ): Promise<Placed | { uuid: string; error: MediatedError } | (Placed & { error: MediatedError })> {
    const request = randomUUID();
    const deadline = performance.now() + this.#plan.deadline;
    let refusal: MediatedError | undefined;
    for (;;) {
      if (this.#plan.signal?.aborted) return { uuid, error: failure('ECANCELED', uuid, 'the placement was given up') };
      const place = this.#next();
      if (place === undefined) return { uuid, error: refusal ?? this.#nowhere(uuid) };
      take(this.#candidates, place, 1);
      const { host, epoch, parent, type } = place;
      const placed = { uuid, host, epoch, parent, type };
      try {
        await this.#createAt(place, { uuid, parent, type, request }, deadline);
        return placed;
      } catch (error) {
        take(this.#candidates, place, -1);
        if (error instanceof Undelivered) {
          this.#exclude(place.host);
        } else if (error instanceof Unanswered) {
          const fate = await this.#fateOf(placed, request);
          if (fate === 'created') return placed;
          if (fate !== 'elsewhere') return { ...placed, error: fate };
          this.#exclude(place.host);
        } else if (isMediatedError(error) && ELSEWHERE.some((code) => code === error.code)) {
          refusal = error;
          if (error.code === 'ESTALE') this.#exclude(place.host);
          else this.#refused(place);
        } else {
          return { uuid, error: refusalOf(error, 'create', uuid) };
        }
      }
    }
  }

  /** The best place with room; then a few that seem full. */
  #next(): Candidate | undefined {
    const place = choose(this.#candidates, this.#plan.policy);
    if (place !== undefined || this.#fullTries === 0) return place;
    return this.#candidates.find(({ refused }) => !refused);
  }

  /** A place has no room. */
  #refused(place: Candidate): void {
    if (place.refused) return;
    place.refused = true;
    if (place.free <= 0) this.#fullTries--;
  }

  /** Asks until there is an answer, the host is lost or time is over: asked twice, it is done once. */
  async #createAt(place: Candidate, request: object, deadline: number): Promise<void> {
    const instance = { name: place.host, epoch: place.epoch };
    for (;;) {
      const left = deadline - performance.now();
      const patience = Math.max(100, Math.min(left, 2 * this.#store.record.lease));
      try {
        await this.#asking.ask(instance, 'create', request, doneAnswer, patience);
        return;
      } catch (error) {
        // Before the deadline the host either answers or is seen to be lost.
        const open = error instanceof Unanswered && !error.lost;
        if (!open || performance.now() >= deadline) throw error;
        await pause(this.#store.record.lease / 12);
      }
    }
  }

  /** What became of a device whose host did not answer. An error: it is open. */
  async #fateOf({ uuid, host, epoch }: Placed, request: string): Promise<'created' | 'elsewhere' | MediatedError> {
    const text = `${host} did not answer; whether the device exists shows when it is back or fenced`;
    const open = new MediatedError('EIO', `create ${uuid}: ${text}`, { syscall: 'create' });
    const found = await this.#store.read('devices', uuid, reservationRecord).catch(() => 'no answer' as const);
    if (found === 'no answer') return open;
    const over = isOver(this.#view.stateOf(host, epoch));
    // A host that is over does nothing more for this request: its lease has lapsed. Free, the UUID may go elsewhere.
    if (found === undefined) return over ? 'elsewhere' : open;
    if (found.value.request === request) return open;
    return failure('EEXIST', uuid, `this UUID is in use on ${found.value.host}`);
  }

  #exclude(host: string): void {
    for (let at = this.#candidates.length - 1; at >= 0; at--) {
      if (this.#candidates[at].host === host) this.#candidates.splice(at, 1);
    }
  }

  /** Why no place was tried at all. */
  #nowhere(uuid: string): MediatedError {
    const hosts = this.#view.hosts().filter(({ state, name }) => {
      return state === 'live' && (this.#plan.host === undefined || this.#plan.host === name);
    });
    if (hosts.length === 0) return failure('ENODEV', uuid, 'no such host is alive');
    if (candidatesFor(hosts, this.#plan, undefined).length === 0) {
      return failure('ENOENT', uuid, 'no living host has a type that is what is wanted');
    }
    return failure('EUSERS', uuid, 'every instance that the fleet allows is in use; remove a device first');
  }
}

function failure(code: ConstructorParameters<typeof MediatedError>[0], uuid: string, text: string): MediatedError {
  return new MediatedError(code, `create ${uuid}: ${text}`, { syscall: 'create' });
}
