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

/** Replays recordings one after the other, each on a machine of its own. `print` gets a line at a time. */
export async function replayAll(
  recordings: readonly Recording[],
  bounds: RaceBounds,
  print: (line: string) => void,
): Promise<Tally> {
  const tally = new Tally();
  for (const recording of recordings) {
    const replay = replayerOf(recording, recordings, bounds);
    if (replay === undefined) {
      print(`${recording.name}: not covered yet (${recording.lines.length} lines)`);
      continue;
    }
    const before = tally.differences.length;
    await replay(recording, tally);
    for (const difference of tally.differences.slice(before)) print(difference);
  }
  for (const line of tally.summary()) print(line);
  return tally;
}
