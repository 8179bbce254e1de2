/**
 * A wider space of UUIDs than the bus's own (that of a fleet, say): one actor that every create asks before it begins. Who may
 * set it is the supervising thread (`runtime.reserveWith`); parents' threads read where it is with each create. Without one, a
 * create costs one load more.
 */
import { type ActorHandle, ActorRef } from '../actor/actor-ref.js';
import type { Endpoint } from '../actor/endpoint.js';
import { ask, defineProtocol, int, none } from '../actor/protocol.js';
import { isMediatedError, MediatedError } from '../errors.js';
import type { BusMemory } from './bus-memory.js';
import { RESERVER_ACTOR, RESERVER_THREAD } from './layout.js';

/** What the actor is asked. */
export const reserverProtocol = defineProtocol({
  /** The parent's slot, the type's position, the UUID's words. Answers 0, or a negative errno: the create is refused with it. */
  reserve: ask([int, int, int, int, int, int], int),
  /** The create that has asked for this UUID has failed. Answered when the UUID is free. */
  release: ask([int, int, int, int], none),
});

export type ReserverMessages = NonNullable<(typeof reserverProtocol)['types']>;

/** Tells all threads where the actor is; undefined: there is none. Supervising thread. */
export function setReserver({ flags }: BusMemory, handle: ActorHandle | undefined): void {
  // The thread first: whoever sees the number finds it.
  if (handle !== undefined) Atomics.store(flags, RESERVER_THREAD, handle.thread);
  Atomics.store(flags, RESERVER_ACTOR, handle?.actor ?? 0);
}

/** Whether there is such an actor. Any thread. */
export function hasReserver({ flags }: BusMemory): boolean {
  return Atomics.load(flags, RESERVER_ACTOR) !== 0;
}

/** The UUID's words. */
export type UuidWords = readonly [number, number, number, number];

/** The way of a parent's thread to the actor. */
export class Reserver {
  readonly #memory: BusMemory;
  readonly #endpoint: Endpoint;
  readonly #parent: number;

  /** `parent`: its slot. */
  constructor(memory: BusMemory, endpoint: Endpoint, parent: number) {
    this.#memory = memory;
    this.#endpoint = endpoint;
    this.#parent = parent;
  }

  /** Creates when the UUID was given; gives it back when the create fails. EIO: the actor did not answer. */
  async around(type: number, uuid: UuidWords, create: () => number | Promise<number>): Promise<number> {
    const { flags } = this.#memory;
    const handle = { thread: Atomics.load(flags, RESERVER_THREAD), actor: Atomics.load(flags, RESERVER_ACTOR) };
    if (handle.actor === 0) return create();
    const ref = new ActorRef<ReserverMessages>(this.#endpoint, handle, reserverProtocol);
    const refused = await ref.ask('reserve', this.#parent, type, ...uuid).catch((cause: unknown) => {
      // It was taken away meanwhile: the bus is alone again.
      if (isMediatedError(cause, 'ESHUTDOWN') && !hasReserver(this.#memory)) return 0;
      throw new MediatedError('EIO', 'whoever reserves UUIDs for this bus did not answer', {
        syscall: 'create',
        cause,
      });
    });
    if (refused < 0) return refused;
    let result = -1;
    try {
      result = await create();
      return result;
    } finally {
      // Whoever is told of the failure may create again at once. An actor that is gone has nothing to give back.
      if (result < 0) await ref.ask('release', ...uuid).catch(() => {});
    }
  }
}
