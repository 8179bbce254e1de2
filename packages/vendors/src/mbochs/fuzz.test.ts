/**
 * Replays what a real kernel's mbochs answered to random accesses and resets: test/oracle/05-fuzz-mbochs-*.jsonl, four
 * traces of 500 steps of each type.
 */
import { describe, expect, test } from 'vitest';
import { FlatSubject } from '../../dist-fixtures/framebuffer/flat-subject.fixture.js';
import { fuzzDifferences, fuzzTraces } from '../../dist-fixtures/fuzz-replay.fixture.js';
import { EDID_OFFSET, MbochsDisplay, MEMORY_OFFSET, REGISTERS_OFFSET } from '#dist/mbochs/display.js';
import { type MbochsTypeName, TYPES } from '#dist/mbochs/types.js';

const REGIONS = { 0: MEMORY_OFFSET, 2: REGISTERS_OFFSET, 7: 0, 9: EDID_OFFSET };

describe.each(Object.keys(TYPES) as MbochsTypeName[])('mbochs-%s answers as the kernel did', (type) => {
  test.each(fuzzTraces(`mbochs-${type}`))('seed %i', (_, trace) => {
    const display = new MbochsDisplay(TYPES[type], true);
    const subject = new FlatSubject(display, REGIONS, () => display.dispi.reset());
    expect(fuzzDifferences(subject, trace)).toEqual([]);
  });
});
