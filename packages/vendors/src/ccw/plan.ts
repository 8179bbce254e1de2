/**
 * The arithmetic of translating a channel program (ccw section 5, cp_prefetch): from the guest's CCWs and lists to CCWs
 * for the channel, one list of 64-bit words per data area, and what must be pinned. Pure, and loaded by workqueue
 * threads too: long programs are planned there (`channel-program.ts`). All of a request and a plan can be cloned.
 */
import { CCW, CCW_FLAGS, TIC } from './architected.js';
import { type AddressFormat, blockBytes, fabricate, movesData, wordCount } from './indirect.js';
import { contains, type Segment } from './segment-bounds.js';

/** A segment, and where its translation will lie for the channel. */
export interface PlacedSegment extends Segment {
  readonly host: number;
}

export interface PlanRequest extends AddressFormat {
  readonly segments: readonly PlacedSegment[];
  /** The guest's lists, in the order of their CCWs. */
  readonly lists: BigUint64Array;
  /** Address at which the channel will find the first of the new lists. */
  readonly listsAt: number;
  /** Plans only the CCWs before this one, counted through all segments. */
  readonly end?: number | undefined;
}

export interface Plan {
  /** Translated CCWs per segment. */
  readonly ccws: readonly Uint8Array[];
  /** All new lists, still with the guest's addresses. */
  readonly words: BigUint64Array;
  /** Runs of words whose pages are pinned by one call each: first word and number of words, in turns. */
  readonly runs: Uint32Array;
  /** Target of a TIC that leads nowhere; planning ended there. */
  readonly lost?: number | undefined;
}

export function planProgram(request: PlanRequest): Plan {
  const { segments, lists, listsAt } = request;
  const block = blockBytes(request);
  const ccws = segments.map((segment) => segment.ccws.slice());
  const words: bigint[] = [];
  const runs: number[] = [];
  let taken = 0;
  let left = request.end ?? Number.POSITIVE_INFINITY;
  let lost: number | undefined;

  /** False: the target is in no segment. */
  const transfer = (bytes: Uint8Array, at: number): boolean => {
    const target = CCW.get(bytes, 'address', at);
    const segment = segments.find((candidate) => contains(candidate, target));
    if (segment === undefined) {
      lost = target;
      return false;
    }
    CCW.set(bytes, 'address', segment.host + target - segment.guest, at);
    return true;
  };

  const area = (bytes: Uint8Array, at: number): void => {
    const indirect = (bytes[at + 1] & CCW_FLAGS.indirect) !== 0;
    const start = indirect ? lists[taken] : BigInt(CCW.get(bytes, 'address', at));
    const count = wordCount(bytes, at, start, block);
    const addresses = indirect ? lists.subarray(taken, taken + count) : fabricate(start, count, block);
    if (indirect) taken += count;
    if (movesData(bytes, at)) addRuns(runs, addresses, words.length, block);
    CCW.set(bytes, 'address', listsAt + words.length * 8, at);
    bytes[at + 1] |= CCW_FLAGS.indirect;
    words.push(...addresses);
  };

  program: for (const bytes of ccws) {
    for (let at = 0; at < bytes.length; at += CCW.size) {
      if (left-- === 0) break program;
      if (bytes[at] !== TIC) area(bytes, at);
      else if (!transfer(bytes, at)) break program;
    }
  }
  return { ccws, words: BigUint64Array.from(words), runs: Uint32Array.from(runs), lost };
}

/** Words of 4 KiB that follow each other without a gap are one run; of 2 KiB, each is pinned by itself. */
function addRuns(runs: number[], words: ArrayLike<bigint>, first: number, block: number): void {
  for (let word = 0; word < words.length; word++) {
    if (block === 4096 && word > 0 && words[word] === words[word - 1] + 4096n) runs[runs.length - 1]++;
    else runs.push(first + word, 1);
  }
}
