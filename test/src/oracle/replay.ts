/**
 * Which replayer a recording is for. A recording that none is for yet is named, not failed.
 */
import { type RaceBounds, replayRaces } from './race-replay.js';
import type { Recording } from './recording.js';
import { replaySysfs } from './sysfs-replay.js';
import { Tally } from './tally.js';
import { replayUevents } from './uevent-replay.js';
import { replayApi } from './vfio/replay-api.js';
import { replayFuzz } from './vfio/replay-fuzz.js';
import { replayHotReset, replayTopology } from './vfio/replay-hot-reset.js';
import { replayMigration } from './vfio/replay-migration.js';
import { replayOrder } from './vfio/replay-order.js';
import { replayUnspecified } from './vfio/replay-unspecified.js';

type Replayer = (recording: Recording, tally: Tally) => Promise<void>;

/** The replayer for recordings whose lines look like this one's. */
function replayerOf(recording: Recording, all: readonly Recording[], bounds: RaceBounds): Replayer | undefined {
  const { lines } = recording;
  const [first] = lines;
  if (first === undefined) return undefined;
  if ('op' in first && 'case' in first && 'devices' in first)
    return (recording, tally) => replaySysfs(recording, tally);
  if ('step' in first && 'events' in first) return (recording, tally) => replayUevents(recording, tally);
  if ('dev' in first && 'op' in first) return replayApi;
  if ('type' in first && 'case' in first) return replayMigration;
  if ('step' in first && 'graph' in first) return replayOrder;
  if ('seed' in first && 'steps' in first) return replayFuzz;
  if ('round' in first && 'op' in first) return replayUnspecified;
  if (isTopology(recording)) return replayTopology;
  if (lines.some((line) => 'kernel_reset_calls' in line)) {
    return (replayed, tally) => replayHotReset(replayed, tally, all.find(isTopology));
  }
  if ('case' in first && 'seconds' in first) return (recording, tally) => replayRaces(recording, tally, bounds);
  return undefined;
}

function isTopology({ lines }: Recording): boolean {
  return lines.length > 0 && 'bdf' in lines[0] && 'reset_method' in lines[0];
}

/** What became of one recording; without a tally nothing replays it. */
export interface Replayed {
  readonly recording: Recording;
  readonly tally: Tally | undefined;
}

/** Replays recordings, each on a machine of its own, `atOnce` at a time; gives what became of them in their order. */
export async function* replayEach(
  recordings: readonly Recording[],
  bounds: RaceBounds,
  atOnce = 1,
): AsyncGenerator<Replayed> {
  const running: Promise<Replayed>[] = [];
  const begin = async (recording: Recording): Promise<Replayed> => {
    const replay = replayerOf(recording, recordings, bounds);
    if (replay === undefined) return { recording, tally: undefined };
    const tally = new Tally();
    await replay(recording, tally);
    return { recording, tally };
  };
  for (const recording of recordings) {
    if (running.length === atOnce) yield (await running.shift()) as Replayed;
    running.push(begin(recording));
  }
  for (const replayed of running) yield await replayed;
}

/** Replays recordings and prints a line per difference, then the counts. */
export async function replayAll(
  recordings: readonly Recording[],
  bounds: RaceBounds,
  print: (line: string) => void,
): Promise<Tally> {
  const all = new Tally();
  for await (const { recording, tally } of replayEach(recordings, bounds)) {
    if (tally === undefined) {
      const { name, lines } = recording;
      print(isListing(recording) ? `${name}: replayed with --tree` : `${name}: not covered (${lines.length} lines)`);
      continue;
    }
    for (const difference of tally.differences) print(difference);
    all.add(tally);
  }
  for (const line of all.summary()) print(line);
  return all;
}

function isListing({ lines }: Recording): boolean {
  return lines.length > 0 && 'label' in lines[0] && 'path' in lines[0];
}
