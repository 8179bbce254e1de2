/** Between the doorman of a served device and the attendant, which is on the device's thread. */
import { ask, boolean, defineProtocol, int, none, value } from '@mediated/core/actor';

export const attendantProtocol = defineProtocol({
  /** Descriptor of a machine's connection, the attendant's from now on, and its place in the ledger. The one before has ended. */
  attach: ask([int, int], none),
  /** Serves until there is nothing for a while; whether counters of the machine are signalled. One of {@link OUTCOMES}. */
  serve: ask([boolean], int),
  /** Counters of the machine that are to be waited for. */
  heard: ask([], value<readonly number[]>()),
  /** Ends the connection. */
  detach: ask([], none),
});

export type AttendantMessages = NonNullable<(typeof attendantProtocol)['types']>;

/** Why the attendant serves no more for now. `heard`: there are other counters to wait for. */
export const OUTCOMES = { idle: 0, full: 1, heard: 2, ended: 3 } as const;
