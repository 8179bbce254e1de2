/** An actor that a bus asks for UUIDs: answers what a word says, counts in two others. */
import { reserverProtocol } from '@mediated/core';
import { defineActor } from '@mediated/core/actor';

/** Words: the answer, how often it was asked, how often it was given back. */
export const ANSWER = 0;
export const ASKED = 1;
export const RELEASED = 2;

export const countingReserver = defineActor({
  module: import.meta.url,
  name: 'countingReserver',
  protocol: reserverProtocol,
  start(_context, words: Int32Array<SharedArrayBuffer>) {
    return {
      handlers: {
        reserve() {
          Atomics.add(words, ASKED, 1);
          return Atomics.load(words, ANSWER);
        },
        release() {
          Atomics.add(words, RELEASED, 1);
        },
      },
    };
  },
});
