/**
 * The recordings under `test/oracle/` replayed on the runtime: what `pnpm test:oracle` does, with few rounds of the races.
 */
import { fileURLToPath } from 'node:url';
import { LIBRARY_TABLE, readFidelityTable } from '#dist/oracle/fidelity-page.js';
import { fidelityRows } from '#dist/oracle/fidelity.js';
import { parseRecording, type Recording, readRecordings } from '#dist/oracle/recording.js';
import { replayAll, replayEach } from '#dist/oracle/replay.js';
import type { Tally } from '#dist/oracle/tally.js';
import { beforeAll, describe, expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../oracle', import.meta.url));
const BOUNDS = { rounds: 8, toggles: 1 };
/** Machines at the same time. */
const AT_ONCE = 3;

const recordings = readRecordings(FOLDER);
/** The listing of the tree needs a mounted tree: `tree/tree.e2e.test.ts`. */
const covered = recordings.filter(({ name }) => !name.startsWith('01'));

async function replay(...lines: object[]): Promise<{ printed: string[]; different: number }> {
  const printed: string[] = [];
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const tally = await replayAll([parseRecording('99x-made-up', text)], BOUNDS, (line) => printed.push(line));
  return { printed, different: tally.different };
}

/** Lines of a recording with the text in one of them changed: a difference, if it is not this one, must be told. */
async function altered(name: string, lines: number, from: string | RegExp, to: string): Promise<string[]> {
  const recording = recordings.find((candidate) => candidate.name === name);
  if (recording === undefined) expect.fail(`there is no recording ${name}`);
  const text = recording.lines.slice(0, lines).map((line) => JSON.stringify(line));
  const last = text.pop() ?? '';
  expect(last).toMatch(from);
  const changed = parseRecording(name, [...text, last.replace(from, to)].join('\n'));
  const topology = recordings.filter((other) => other.name === '08-pci-topology' && other.name !== name);
  const printed: string[] = [];
  const tally = await replayAll([changed, ...topology], BOUNDS, (line) => printed.push(line));
  expect(tally.different).toBe(1);
  return printed;
}

describe('the runtime answers as the kernel did', () => {
  const replayed = new Map<string, Tally>();

  beforeAll(async () => {
    for await (const { recording, tally } of replayEach(covered, BOUNDS, AT_ONCE)) {
      if (tally !== undefined) replayed.set(recording.name, tally);
    }
  }, 240_000);

  test.each(covered.map((recording) => [recording.name, recording] as const))('%s', (name, recording) => {
    const tally = replayed.get(name);
    if (tally === undefined) expect.fail('nothing replays it');
    expect(tally.differences).toEqual([]);
    expect(tally.departures.filter(({ reason }) => reason.startsWith('not covered'))).toEqual([]);
    expect(tally.same).toBeGreaterThan(0);
    expect(tally.steps).toBe(stepsIn(recording));
  });

  test('docs/fidelity.md lists what was left out or is known to differ, neither more nor less', () => {
    const departures = [...replayed.values()].flatMap((tally) => tally.departures);
    expect(readFidelityTable(LIBRARY_TABLE)).toEqual(fidelityRows(departures));
  });
});

/** Lines, or the accesses of all traces. */
function stepsIn({ lines }: Recording): number {
  return lines.reduce((sum, { steps }) => sum + (Array.isArray(steps) ? steps.length : 1), 0);
}

describe('an answer that was altered is a difference', () => {
  test.each([
    ['a container', '04-api-container', 3, '"ret":1', '"ret":0', 'kernel 0, here 1'],
    ['a group', '04-group-mtty-1', 7, '"flags":1', '"flags":3', 'kernel flags 3, here flags 1'],
    [
      'a device',
      '04-api-mdpy-vga',
      18,
      '"num_regions":9',
      '"num_regions":8',
      'kernel num_regions 8, here num_regions 9',
    ],
    ['a byte of a device', '04-api-mtty-1', 132, '"data":"48', '"data":"49', 'kernel data "49'],
    ['migration', '04-migration-mtty-1', 4, '"ret":60', '"ret":61', 'kernel 61, here 60'],
    [
      'what set-up came to',
      '04-migration-mtty-1',
      5,
      '"reached_from":"STOP"',
      '"reached_from":"RUNNING"',
      'reached_from',
    ],
    ['a register behind a mask', '04-unspecified', 1, '000000ff', '000000fe', 'readback_u32'],
    ['a random access', '05-fuzz-mdpy-vga', 1, /\["r",7,(\d+),(\d+),"","\w/, '["r",7,$1,$2,"","g', 'step'],
    ['the order of steps', '07-ftrace-mbochs-small', 1, 'mbochs_init_dev', 'mbochs_release_dev', 'kernel order'],
    ['a hot reset', '08-hotreset-A-bridge', 24, '"ret":-22', '"ret":0', 'kernel 0, here -22 EINVAL'],
    ['how much is reset', '08-hotreset-A-bridge', 24, '"pci_slot_reset"]', '"__pci_reset_bus"]', 'resets'],
    ['a group of the topology', '08-pci-topology', 6, '"group":"5"', '"group":"6"', 'group: kernel 6, here 5'],
  ])('%s', { timeout: 60_000 }, async (_, name, lines, from, to, difference) => {
    const printed = await altered(name, lines, from, to);
    expect(printed[0]).toContain(difference);
  });

  test('words that nobody understands are told', async () => {
    const { printed } = await replay({ dev: 'mtty-1', op: 'levitate', ret: 0 });
    expect(printed[0]).toBe('skipped 1: not covered: levitate');
  });

  test('a type that there is not is told', async () => {
    const { printed } = await replay({ dev: 'mtty-9', op: 'open', ret: 0 });
    expect(printed[0]).toBe('skipped 1: there is no type mtty-9');
  });
});

describe('other recordings of the same format', () => {
  const api = (op: string, ret: number, more: object = {}) => ({ dev: 'mtty-2', op, ret, ...more });

  test('steps make what they need: a device, its group, a container', async () => {
    const { printed } = await replay(
      api('pread', 2, { args: { note: 'a part', region: 7, offset: 2, len: 2 }, out: { data: '5332' } }),
      api('GROUP_GET_STATUS', 0, { out: { flags: 3 } }),
      api('FEATURE MIGRATION GET argsz', 0, { args: { argsz: 30 }, out: { flags: 7 } }),
    );
    expect(printed).toEqual(['3 steps, 3 same, 0 different, 0 skipped']);
  });

  test('closing in another order, other containers, other sizes', async () => {
    const { printed } = await replay(
      api('GROUP_SET_CONTAINER', 0),
      api('SET_IOMMU TYPE1 (v1)', 0),
      api('GET_DEVICE_FD', 0),
      api('close group too; pread on the device', 4, { out: { v: 0x32534348 } }),
      api('reopen the group after the device fd is closed', 0),
      api('SET_CONTAINER c7', 0),
      api('GROUP_SET_CONTAINER fd 77', -9),
      api('UNSET_CONTAINER', 0),
      api('container after the last group left: IOMMU_GET_INFO', -22),
    );
    expect(printed).toEqual(['9 steps, 9 same, 0 different, 0 skipped']);
  });

  test('a number that JavaScript cannot hold is compared to its last digit', async () => {
    const map = { args: { note: 'far', iova: 1, size: 4096, flags: 3 } };
    const lines = [map, map].map(({ args }) => api('IOMMU_MAP_DMA', 0, { args }));
    const text = lines.map((line) => JSON.stringify(line).replace('"iova":1', '"iova":18446744073709547520'));
    const printed: string[] = [];
    await replayAll([parseRecording('99x-made-up', text.join('\n'))], BOUNDS, (line) => printed.push(line));
    expect(printed[0]).toBe('99x:2 IOMMU_MAP_DMA (far): kernel 0, here -17 EEXIST');
  });

  test('a hot reset without its topology is skipped', async () => {
    const { printed } = await replay({ case: 'SET_IOMMU', ret: 0, kernel_reset_calls: [] });
    expect(printed[0]).toBe('skipped 1: there is no recording of the PCI topology');
  });
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
    const { printed, different } = await replay({ cost: 'mtty-1', microseconds: 7 });
    expect(different).toBe(0);
    expect(printed[0]).toBe('99x-made-up: not covered (1 lines)');
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
