/**
 * Replays what a real kernel's mdpy answered to random accesses and resets: test/oracle/05-fuzz-mdpy-*.jsonl, four
 * traces of 500 steps of each type.
 */
import { describe, expect, test } from 'vitest';
import { FlatSubject } from '../../dist-fixtures/framebuffer/flat-subject.fixture.js';
import { fuzzDifferences, fuzzTraces } from '../../dist-fixtures/fuzz-replay.fixture.js';
import { FRAMEBUFFER_OFFSET, MdpyDisplay } from '#dist/mdpy/display.js';
import { MODES, type MdpyTypeName } from '#dist/mdpy/modes.js';

describe.each(Object.keys(MODES) as MdpyTypeName[])('mdpy-%s answers as the kernel did', (type) => {
  test.each(fuzzTraces(`mdpy-${type}`))('seed %i', (_, trace) => {
    const display = new MdpyDisplay(MODES[type], false);
    const subject = new FlatSubject(display, { 0: FRAMEBUFFER_OFFSET, 7: 0 }, () => display.paint());
    expect(fuzzDifferences(subject, trace)).toEqual([]);
  });
});
