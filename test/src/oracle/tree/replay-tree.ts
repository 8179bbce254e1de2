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

/** Where a tree that a program serves cannot answer as the kernel's own does. */
const DEPARTURES: ReadonlyMap<string, string> = new Map([
  [
    'remove-twice/empty write on the same fd ""',
    'writes of no bytes: the kernel answers them itself and asks no file system',
  ],
]);

/** A tally that knows them. */
class TreeTally extends Tally {
  override step(where: string, differences: readonly string[]): void {
    const [place, words] = [where.slice(0, where.indexOf(' ')), where.slice(where.indexOf(' ') + 1)];
    const reason = differences.length === 0 ? undefined : DEPARTURES.get(words);
    if (reason === undefined) return super.step(where, differences);
    super.step(where, []);
    const [recording, line] = place.split(':');
    this.leave(reason, { recording, line: Number(line), words }, 'ret', undefined, differences.join('; '));
  }
}

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
  const tally = new TreeTally();
  for (const recording of recordings) {
    const before = tally.differences.length;
    await replayerOf(recording)?.(recording, tally);
    for (const difference of tally.differences.slice(before)) print(difference);
  }
  for (const line of tally.summary()) print(line);
  return tally;
}
