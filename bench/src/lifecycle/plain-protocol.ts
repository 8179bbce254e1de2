/**
 * The create and remove protocols as plain calls on the calling thread. Called by the part itself and by the peers'
 * workers.
 */
import { parseUuid } from '@mediated/core/memory';
import { answered, placeOf, plainShard } from '../harness/plain-shard.js';
import benchModule, { type BenchDriverOptions } from './bench-driver.js';

/** Creates and removes devices of one parent. */
export interface PlainProtocol {
  /** Creates a device; returns its handle. Throws when that is refused. */
  create(uuid: string): number;
  /** Removes a device. Throws when that is refused. */
  remove(handle: number): void;
}

/** A parent of the bench driver, on this thread alone. */
export function plainProtocol(options: BenchDriverOptions): PlainProtocol {
  const { shard } = plainShard(benchModule, options);
  const words = new Int32Array(4);
  return {
    create(uuid) {
      if (!parseUuid(uuid, words, 0)) throw new Error(`${uuid} is no UUID`);
      return answered(shard.create(0, words[0], words[1], words[2], words[3]));
    },
    remove(handle) {
      const { index, generation } = placeOf(handle);
      answered(shard.remove(index, generation));
    },
  };
}
