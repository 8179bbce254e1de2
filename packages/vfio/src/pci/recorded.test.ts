/** The recorded conversations about hot resets, answered alike: results, what is written out, who is reset when. */
import { readFileSync } from 'node:fs';
import { RECORDED_TOPOLOGY } from '../../dist-fixtures/pci/recorded-topology.fixture.js';
import {
  RecordedProgram,
  type RecordedStep,
  recordedResets,
} from '../../dist-fixtures/pci/recorded-program.fixture.js';
import { PciStage } from '../../dist-fixtures/pci/stage.fixture.js';
import { expect, test } from 'vitest';

test.each([
  ['A-bridge', 1],
  ['A-bridge', 2],
  ['B-multifunction', 2],
  ['D-sriov', 2],
])('hot reset %s, functions on %i threads', async (name, threads) => {
  const text = readFileSync(new URL(`../../../../test/oracle/08-hotreset-${name}.jsonl`, import.meta.url), 'utf8');
  const steps = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedStep);
  await using stage = await PciStage.set(RECORDED_TOPOLOGY.devices, threads);
  const program = new RecordedProgram(stage);
  try {
    for (const [number, step] of steps.entries()) {
      const { ret, out, resets } = await program.run(step);
      const what = `${number} ${step.case}`;
      expect([what, ret, out, resets]).toEqual([what, step.ret, step.out, recordedResets(step)]);
    }
  } finally {
    await program.close();
  }
});
