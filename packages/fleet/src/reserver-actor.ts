/**
 * The actor that a bus asks for every UUID (`@mediated/core`: reserver). It has a thread of its own and no connection: it passes the
 * question on to the supervising thread, which hosts no actors and has one. `bus-machine.ts` is the other end of the channel.
 */
import { BroadcastChannel } from 'node:worker_threads';
import { reserverProtocol } from '@mediated/core';
import { defineActor } from '@mediated/core/actor';

/** A question of the actor. Words of the UUID are those of the bus. */
export type ReserverQuestion =
  | {
      readonly ask: number;
      readonly parent: number;
      readonly type: number;
      readonly uuid: readonly [number, number, number, number];
    }
  | { readonly ask: number; readonly release: readonly [number, number, number, number] };

/** The answer: 0, or a negative errno. */
export interface ReserverAnswer {
  readonly answer: number;
  readonly result: number;
}

export const reserverActor = defineActor({
  module: import.meta.url,
  name: 'reserverActor',
  protocol: reserverProtocol,
  start(_context, options: { readonly channel: string }) {
    const channel = new BroadcastChannel(options.channel);
    const waiting = new Map<number, (result: number) => void>();
    let last = 0;
    channel.onmessage = (event) => {
      const { data } = event as { data: Partial<ReserverAnswer> };
      if (data.answer === undefined || data.result === undefined) return;
      waiting.get(data.answer)?.(data.result);
      waiting.delete(data.answer);
    };
    function question(post: (ask: number) => ReserverQuestion): Promise<number> {
      const ask = ++last;
      return new Promise((resolve) => {
        waiting.set(ask, resolve);
        channel.postMessage(post(ask));
      });
    }
    return {
      handlers: {
        reserve: (parent, type, u0, u1, u2, u3) => question((ask) => ({ ask, parent, type, uuid: [u0, u1, u2, u3] })),
        release: async (u0, u1, u2, u3) => void (await question((ask) => ({ ask, release: [u0, u1, u2, u3] }))),
      },
      stop: () => channel.close(),
    };
  },
});
