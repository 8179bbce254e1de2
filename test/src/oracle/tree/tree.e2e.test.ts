/** The recordings of the tree, of its files and of uevents replayed on a mounted tree: `pnpm test:oracle --tree`. */
import { fileURLToPath } from 'node:url';
import { isMediatedError } from '@mediated/core';
import { readFidelityTable, TREE_TABLE } from '#dist/oracle/fidelity-page.js';
import { fidelityRows } from '#dist/oracle/fidelity.js';
import { readRecordings } from '#dist/oracle/recording.js';
import { replayTree } from '#dist/oracle/tree/replay-tree.js';
import { TreeMachine } from '#dist/oracle/tree/tree-machine.js';
import type { Departure } from '#dist/oracle/tally.js';
import { describe, expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../../oracle', import.meta.url));

async function whyNotMountable(): Promise<string | undefined> {
  try {
    await (await TreeMachine.start()).close();
    return undefined;
  } catch (error) {
    if (isMediatedError(error)) return error.message;
    throw error;
  }
}

const reason = await whyNotMountable();
if (reason !== undefined) console.log(`replays on a mounted tree are skipped: ${reason}`);

const recordings = readRecordings(FOLDER).filter(({ name }) => /^0(1|2[a-g]|3)/.test(name));

describe.skipIf(reason !== undefined)('the mounted tree answers as the kernel did', () => {
  const departures: Departure[] = [];

  test.each(recordings.map((recording) => [recording.name, recording] as const))(
    '%s',
    { timeout: 120_000 },
    async (_, recording) => {
      const printed: string[] = [];
      const tally = await replayTree([recording], (line) => printed.push(line));
      expect(printed.slice(0, tally.differences.length)).toEqual([]);
      expect(tally.same).toBeGreaterThan(0);
      expect(tally.steps).toBe(recording.lines.length);
      departures.push(...tally.departures);
    },
  );

  test('docs/fidelity.md lists what was left out or is known to differ, neither more nor less', () => {
    expect(readFidelityTable(TREE_TABLE)).toEqual(fidelityRows(departures));
  });
});
