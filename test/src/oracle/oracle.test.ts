/**
 * The recordings under `test/oracle/` replayed on the runtime: what `pnpm test:oracle` does, with few rounds of the races.
 */
import { fileURLToPath } from 'node:url';
import { parseRecording, readRecordings } from '#dist/oracle/recording.js';
import { replayAll } from '#dist/oracle/replay.js';
import { describe, expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../oracle', import.meta.url));
const BOUNDS = { rounds: 8, toggles: 1 };

const recordings = readRecordings(FOLDER);
const covered = recordings.filter(({ name }) => /^0[23]/.test(name));

async function replay(...lines: object[]): Promise<{ printed: string[]; different: number }> {
  const printed: string[] = [];
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const tally = await replayAll([parseRecording('99x-made-up', text)], BOUNDS, (line) => printed.push(line));
  return { printed, different: tally.different };
}

describe('the runtime answers as the kernel did', () => {
  test.each(covered.map((recording) => [recording.name, recording] as const))(
    '%s',
    { timeout: 120_000 },
    async (_, recording) => {
      const printed: string[] = [];
      const tally = await replayAll([recording], BOUNDS, (line) => printed.push(line));
      expect(printed.slice(0, tally.differences.length)).toEqual([]);
      expect(tally.same).toBeGreaterThan(0);
      expect(tally.steps).toBe(recording.lines.length);
    },
  );
});

describe('a difference is told in one line', () => {
  const avail = { 'mtty-1': 24, 'mtty-2': 12 };
  const uuid = '83b8f4f2-509f-382f-3c1e-e6bfe0fa00ab';
  const path = '/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create';
  const create = { case: 'made up/create', op: 'write', path, data: uuid, len: 36, stage: 'write', ret: 36 };
  const made = { ...create, avail: { 'mtty-1': 23, 'mtty-2': 11 }, devices: [uuid] };

  test('none when all is the same', async () => {
    const { printed, different } = await replay(made);
    expect(different).toBe(0);
    expect(printed).toEqual(['1 steps, 1 same, 0 different, 0 skipped']);
  });

  test('another result', async () => {
    const { printed } = await replay({ ...create, data: 'x', len: 1, ret: -17, errno: 'EEXIST', avail, devices: [] });
    expect(printed[0]).toBe('99x:1 made up/create "x": kernel -17 EEXIST, here -22 EINVAL');
    expect(printed.at(-1)).toBe('1 steps, 0 same, 1 different, 0 skipped');
  });

  test('another stage', async () => {
    const { printed } = await replay({ ...create, path: path.replace('mtty-1', 'none'), ret: -2, avail, devices: [] });
    expect(printed[0]).toMatch(/kernel in write, here in open$/);
  });

  test('other devices and instances afterwards', async () => {
    const { printed, different } = await replay({
      ...made,
      avail: { 'mtty-1': 20, 'mtty-2': 11 },
      devices: [uuid, `${uuid}x`],
    });
    expect(different).toBe(1);
    expect(printed.join('\n')).toMatch(/devices: kernel \[.*\], here \[.*\]/);
    expect(printed.join('\n')).toMatch(/available_instances of mtty-1: kernel 20, here 23/);
  });

  test('other events', async () => {
    const insmod = { step: 'insmod mdpy', ret: 0, events: [['add@/bus/mdev/drivers/mdpy', 'ACTION=add', 'SEQNUM=7']] };
    const { printed } = await replay(insmod);
    expect(printed[0]).toMatch(/^99x:1 insmod mdpy: event 1: kernel add@.* here add@.*SUBSYSTEM=drivers/);
    expect(printed[1]).toMatch(/event 2: kernel none, here add@\/class\/mdpy/);
  });

  test('an outcome of a race that the kernel never showed', async () => {
    const { printed } = await replay({
      case: 'simultaneous create of one uuid by 2 processes',
      seconds: 0,
      outcomes: { 'ok+ENOSPC': 1 },
      remove: { ok: 1 },
      avail_after: avail,
      devices_after: [],
    });
    expect(printed[0]).toMatch(/never EEXIST from the kernel$/);
  });

  test('a recording of another kind is named and not failed', async () => {
    const { printed, different } = await replay({ type: 'mtty-1', steps: [] });
    expect(different).toBe(0);
    expect(printed[0]).toBe('99x-made-up: not covered yet (1 lines)');
  });

  test('a step that is not understood is skipped and counted', async () => {
    const { printed } = await replay({ ...made, op: 'sendfile' });
    expect(printed).toContain('skipped 1: operation not understood: sendfile');
  });
});

describe('what the recorder did between steps', () => {
  const at = (devices: string[], avail: object, more: object) => ({
    case: 'made up/step',
    op: 'none',
    ret: 0,
    devices,
    avail,
    ...more,
  });
  const [a, b, c] = ['01', '02', '03'].map((end) => `00000000-0000-0000-0000-0000000000${end}`);
  const all = (mtty: number, mdpy: number, mbochs: number) => ({
    'mtty-1': mtty,
    'mtty-2': Math.floor(mtty / 2),
    'mdpy-vga': mdpy,
    'mdpy-xga': mdpy,
    'mdpy-hd': mdpy,
    'mbochs-small': mbochs,
    'mbochs-medium': Math.floor(mbochs / 4),
    'mbochs-large': Math.floor(mbochs / 16),
  });

  test('types of devices follow from what is left of each parent, and from later unbinds', async () => {
    const unbind = {
      op: 'write',
      path: '/sys/bus/mdev/drivers/mdpy/unbind',
      data: a,
      len: 36,
      stage: 'write',
      ret: 36,
    };
    const { printed, different } = await replay(
      at([a, b, c], all(22, 3, 48), {}),
      at([a, b, c], all(22, 3, 48), unbind),
      at([b], all(23, 4, 64), {}),
    );
    expect(printed.filter((line) => line.startsWith('99x'))).toEqual([]);
    expect(different).toBe(0);
  });

  test('modules are loaded and unloaded', async () => {
    const { different } = await replay(
      at([], {}, { op: 'finit_module', case: 'made up/insmod mtty' }),
      at([], { 'mtty-1': 24, 'mtty-2': 12 }, { op: 'finit_module', case: 'made up/insmod mtty twice', ret: -17 }),
      at([], {}, { op: 'delete_module', case: 'made up/mtty again', ret: -2 }),
    );
    // The first line says that nothing is loaded after an insmod.
    expect(different).toBe(1);
  });
});
