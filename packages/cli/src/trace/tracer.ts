/**
 * The actor that collects what happens on a thread: channels publish on their own thread, so it is started on each thread of
 * drivers when a recording begins and stopped at its end. A thread that dies has it again after its restart.
 */
import { ask, defineActor, defineProtocol, value } from '@mediated/core/actor';
import { type TakenRecords, ThreadTrace } from './thread-trace.js';

const tracerProtocol = defineProtocol({
  /** Waits for records and takes them. */
  take: ask([], value<TakenRecords>()),
});

export const tracer = defineActor({
  module: import.meta.url,
  name: 'tracer',
  protocol: tracerProtocol,
  start() {
    const trace = new ThreadTrace();
    return {
      handlers: { take: () => trace.take() },
      stop: () => trace.close(),
    };
  },
});
