/**
 * A vendor for scenes of vfio. Its types: `slow`, whose `init` waits until a word of the options is 1; `joined`, in a set of its own
 * choice; `refused`, which cannot be registered after it has joined one. Other words say what its callbacks met.
 */
import { MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';

/** 1: `init` goes on. */
export const GO = 0;
/** How many have come to their `init`. */
export const BEGUN = 1;
/** First opens of devices whose `init` has not ended. */
export const OPENED_WITHOUT_DATA = 2;
/** How often the mutex of the set was taken of which a device was opened last; what a set has is the next one's after its end. */
export const SET_TAKEN = 3;
export const WORDS = 4;

export default defineDriver({
  name: 'vendor',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'slow' }, { sysfsName: 'joined' }, { sysfsName: 'refused' }],
  maxInstances: 16,
  start({ options }) {
    const words = options as Int32Array<SharedArrayBuffer>;
    return {
      async init({ type }) {
        Atomics.add(words, BEGUN, 1);
        Atomics.notify(words, BEGUN);
        if (type.sysfsName === 'slow') await Atomics.waitAsync(words, GO, 0).value;
        return 'made';
      },
      deviceSet: ({ type, uuid }) => (type.sysfsName === 'slow' ? undefined : uuid),
      iommuDevice({ type }) {
        if (type.sysfsName === 'refused') throw new MediatedError('ENOMEM', 'no room');
        return undefined;
      },
      openDevice({ data, set }) {
        Atomics.store(words, SET_TAKEN, set.mutex.stats().acquisitions);
        if (data === undefined) Atomics.add(words, OPENED_WITHOUT_DATA, 1);
      },
    };
  },
});
