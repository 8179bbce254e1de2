/**
 * The actor that counts what happens on a thread, for the metrics: channels publish on their own thread, so it is started on
 * each thread of drivers while there is an endpoint. A thread that dies has it again after its restart; what was not taken is lost.
 */
import { ask, defineActor, defineProtocol, value } from '@mediated/core/actor';
import { type TakenTally, ThreadTally } from './thread-tally.js';

const meterProtocol = defineProtocol({
  /** What was counted since it was last asked. */
  take: ask([], value<TakenTally>()),
});

export type MeterMessages = NonNullable<(typeof meterProtocol)['types']>;

export const meter = defineActor({
  module: import.meta.url,
  name: 'meter',
  protocol: meterProtocol,
  start() {
    const tally = new ThreadTally();
    return {
      handlers: { take: () => tally.take() },
      stop: () => tally.close(),
    };
  },
});
