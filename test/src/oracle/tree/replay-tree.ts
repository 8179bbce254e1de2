/**
 * Replays the recordings of the tree (01), of steps on its files (02a to 02g) and of uevents (03) on a mounted tree, through the
 * system calls of another process.
 */
import type { Recording } from '../recording.js';
import { replaySysfs } from '../sysfs-replay.js';
import { Tally } from '../tally.js';
import { replayUevents } from '../uevent-replay.js';
import { replayListing } from './listing-replay.js';
import { TreeMachine } from './tree-machine.js';

type Replayer = (recording: Recording, tally: Tally) => Promise<void>;

function replayerOf({ lines }: Recording): Replayer | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  if ('op' in first && 'case' in first && 'devices' in first) {
    return async (recording, tally) => replaySysfs(recording, tally, await TreeMachine.start());
  }
  if ('step' in first && 'events' in first) {
    return async (recording, tally) => replayUevents(recording, tally, await TreeMachine.start());
  }
  if ('label' in first && 'path' in first && 'type' in first) {
    return async (recording, tally) => {
      const machine = await TreeMachine.start();
      try {
        await replayListing(machine, recording, tally);
      } finally {
        await machine.close();
      }
    };
  }
  return undefined;
}

/** Replays those recordings that are about the tree. `print` gets a line at a time. Rejects where no tree can be mounted. */
export async function replayTree(recordings: readonly Recording[], print: (line: string) => void): Promise<Tally> {
  const tally = new Tally();
  for (const recording of recordings) {
    const before = tally.differences.length;
    await replayerOf(recording)?.(recording, tally);
    for (const difference of tally.differences.slice(before)) print(difference);
  }
  for (const line of tally.summary()) print(line);
  return tally;
}
