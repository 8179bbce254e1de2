/** `mediated up` and the commands that reach it, as programs of their own, as users run them. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ended, MAIN, Programs } from '../../dist-fixtures/up/programs.fixture.js';
import { NO_STRANGER, STRANGER } from '../../dist-fixtures/up/stranger.fixture.js';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const OTHER = 'a297db4a-f4c2-11e6-90f6-d3b88d6c9525';

// Each test starts several programs, which takes a while on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let programs: Programs;
let folder = '';

beforeEach(() => {
  programs = new Programs();
  folder = programs.folder;
});
afterEach(() => programs.close());

const environment = () => programs.environment;
const mediated = (...words: string[]) => programs.mediated(...words);
const start = (...words: string[]) => programs.start(...words);
const startUp = (...words: string[]) => programs.up(...words);
const ready = (...words: string[]) => programs.ready(...words);
const define = (parent: string, uuid: string, definition: object) => programs.define(parent, uuid, definition);

describe('mediated up', () => {
  test('serves for so many seconds, says what it did without colour, and leaves nothing', async () => {
    define('mtty', UUID, { mdev_type: 'mtty-2', start: 'auto', attrs: [] });
    define('mtty', OTHER, { mdev_type: 'mtty-9', start: 'auto' });
    const { status, stdout, stderr } = await mediated(
      ...['up', '--no-mount', '--for', '1', '--config', join(folder, 'm.json'), '--definitions', join(folder, 'd')],
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^mtty +mtty\nmdpy +mdpy\n/);
    expect(stdout).toContain('2 of 2 devices');
    expect(stdout).toContain('1 device created');
    expect(stdout).toContain('ready; no tree is mounted');
    expect(stdout).toMatch(/ending\n1 device removed\n$/);
    expect(stderr).toContain(`d/mtty/${OTHER}: mtty has no type mtty-9`);
    expect(stdout).not.toContain('\x1b');
    const printed = stdout.split('\n').filter((line) => !line.includes(folder));
    expect(Math.max(...printed.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(readdirSync(join(folder, 'mediated'))).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends on %s with 0 and removes every device', async (signal) => {
    define('mtty', UUID, { mdev_type: 'mtty-2', start: 'auto' });
    const up = startUp('--no-mount', '--definitions', join(folder, 'd'));
    await up.until('ready');
    expect(await up.end(signal)).toBe(0);
    expect(up.events.filter(({ event }) => event !== 'uevent').map(({ event }) => event)).toEqual([
      'driver',
      'driver',
      'device',
      'defined',
      'ready',
      'ending',
      'removed',
    ]);
    const mdev = up.events.filter(({ event, subsystem }) => event === 'uevent' && subsystem === 'mdev');
    expect(mdev.map(({ action }) => action)).toEqual(['add', 'bind', 'unbind', 'remove']);
  });

  test('refuses a second instance of its name', async () => {
    const up = startUp('--no-mount');
    await up.until('ready');
    const { status, stderr } = await mediated('up', '--no-mount', '--config', join(folder, 'm.json'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: an instance uses .* --instance\n$/)]);
    expect(await up.end()).toBe(0);
  });

  test.each([
    [['--config', '/nowhere.json'], '/nowhere.json: it does not exist'],
    [['--instance', '../x'], 'is no name for an instance'],
    [['--definitions', '/nowhere'], 'definitions in /nowhere: it does not exist'],
    [['--at', '/nowhere/at/all'], '/nowhere/at/all cannot be made: the folder above it does not exist'],
  ])('%j is refused in one sentence', async (words, sentence) => {
    const { status, stdout, stderr } = await mediated('up', ...words);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: .*\n$/)]);
    expect(stderr).toContain(sentence);
    expect(stdout).not.toContain('ready');
  });

  test('tells which driver could not be started, and ends', async () => {
    const drivers = [{ driver: 'mtty' }, { driver: 'mtty' }];
    writeFileSync(join(folder, 'm.json'), JSON.stringify({ drivers }));
    const { status, stderr } = await mediated('up', '--no-mount', '--config', join(folder, 'm.json'));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^mediated: \/drivers\/1 \(mtty\): EBUSY: /)]);
  });
});

test('mediated up ends although somebody waits for a removal that does not end', async () => {
  const slow = { driver: 'mtty', parents: [{ name: 'mtty' }], faults: { delay_remove: '2 60000' } };
  writeFileSync(join(folder, 'm.json'), JSON.stringify({ runtime: { closeDeadline: 100 }, drivers: [slow] }));
  define('mtty', UUID, { mdev_type: 'mtty-2', start: 'auto' });
  const up = startUp('--no-mount', '--definitions', join(folder, 'd'));
  await up.until('ready');
  const waiting = mediated('remove', UUID);
  await up.until('ready');
  await mediated('list');
  expect(await up.end()).toBe(0);
  expect(await waiting).toMatchObject({ status: 1, stderr: expect.stringMatching(/^mediated: /) });
});

test('nobody but its owner gets at a running instance', async ({ skip }) => {
  skip(NO_STRANGER !== undefined, NO_STRANGER);
  const up = startUp('--no-mount');
  const { socket } = await up.until('ready');
  chmodSync(folder, 0o755);
  const script =
    'require("net").connect(process.argv[1]).on("error", (e) => console.log(e.code)).on("connect", () => process.exit())';
  const stranger = spawnSync(process.execPath, ['-e', script, String(socket)], { uid: STRANGER, encoding: 'utf8' });
  expect([stranger.status, stranger.stdout]).toEqual([0, 'EACCES\n']);
  const command = spawnSync(process.execPath, [MAIN, 'list'], { uid: STRANGER, env: environment(), encoding: 'utf8' });
  expect([command.status, command.stderr]).toEqual([1, expect.stringContaining('no instance default runs here')]);
  expect(await up.end()).toBe(0);
});

describe('the other commands', () => {
  test('types: parents, types and how many are left, as a table and as JSON', async () => {
    const up = await ready();
    expect((await mediated('types')).stdout).toMatch(/^mtty +mtty-2 +12 +vfio-pci +Dual port serial$/m);
    expect(JSON.parse((await mediated('types', '--json')).stdout)).toContainEqual({
      ...{ parent: 'mdpy', type: 'mdpy-vga', available: 4, deviceApi: 'vfio-pci', name: 'mdpy-vga' },
      description: 'virtual display, 640x480 framebuffer',
    });
    expect(await up.end()).toBe(0);
  });

  test('create, list, remove: with the errnos of the kernel', async () => {
    const up = await ready();
    expect(await mediated('create', 'mtty', 'mtty-2', UUID)).toEqual({ status: 0, stdout: `${UUID}\n`, stderr: '' });
    expect((await mediated('list')).stdout).toMatch(new RegExp(`^${UUID}  mtty    mtty-2$`, 'm'));
    expect(await mediated('create', 'mdpy', 'mdpy-vga', UUID)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/EEXIST/),
    });
    expect(await mediated('remove', UUID)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await mediated('remove', UUID)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/there is no device/),
    });
    expect(await up.end()).toBe(0);
  });

  test('screenshot: a PNG of the size of the display', async () => {
    define('mdpy', UUID, { mdev_type: 'mdpy-vga', start: 'auto' });
    const up = await ready('--definitions', join(folder, 'd'));
    const picture = join(folder, 'p.png');
    expect(await mediated('screenshot', UUID, picture)).toMatchObject({ status: 0, stdout: `${picture}: 640 x 480\n` });
    expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
    expect(await mediated('screenshot', OTHER, picture)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/there is no device/),
    });
    const nowhere = join(folder, 'no', 'p.png');
    expect(await mediated('screenshot', UUID, nowhere)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot be written/),
    });
    expect(await up.end()).toBe(0);
  });

  test('top: one table without a terminal', async () => {
    const up = await ready();
    const { status, stdout, stderr } = await mediated('top');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mdpy\/0 /m);
    expect(stdout).not.toContain('\x1b');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await up.end()).toBe(0);
  });

  test('events: from when it says so until the instance ends', async () => {
    const up = await ready();
    const following = start('events', '--json');
    const heard = ended(following);
    await once(following.stderr!, 'data');
    await mediated('create', 'mtty', 'mtty-1', UUID);
    expect(await up.end()).toBe(0);
    const { status, stdout } = await heard;
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const own = events.filter(({ subsystem, uuid }) => subsystem === 'mdev' && uuid === UUID);
    expect(own.map(({ action }) => action)).toEqual(['add', 'bind', 'unbind', 'remove']);
  });

  test('trace: a file that is whole after Ctrl-C', async () => {
    const up = await ready();
    const file = join(folder, 't.json');
    const recording = start('trace', file);
    const recorded = ended(recording);
    await once(recording.stderr!, 'data');
    await mediated('create', 'mtty', 'mtty-1', UUID);
    recording.kill('SIGINT');
    expect(await recorded).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/events; open it in https:\/\/ui\.perfetto\.dev\n$/),
    });
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: { name: string }[] };
    const names = traceEvents.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['thread_name', 'probe 83b8f4f2', 'create 83b8f4f2']));
    expect(await mediated('trace', join(folder, 'no', 't.json'))).toMatchObject({ status: 1 });
    expect(await up.end()).toBe(0);
  });

  test.each([
    [['types']],
    [['list', '--json']],
    [['create', 'a', 'b']],
    [['remove', UUID]],
    [['events']],
    [['top']],
    [['screenshot', UUID, 'x.png']],
  ])('%j without an instance end with 1 and say how to start one', async (words) => {
    const { status, stdout, stderr } = await mediated(...words);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^mediated: no instance default runs here .*; start one: mediated up\n$/);
  });

  test('follow for so many seconds', async () => {
    const up = startUp('--no-mount');
    await up.until('ready');
    expect(await mediated('events', '--for', '1')).toEqual({
      ...{ status: 0, stdout: '', stderr: 'following the uevents of default\n' },
    });
    expect(await up.end()).toBe(0);
  });
});

const mayMount = process.getuid?.() === 0 && existsSync('/dev/fuse');

describe.skipIf(!mayMount)(
  `the tree of mediated up${mayMount ? '' : ' (skipped: it needs root and /dev/fuse)'}`,
  () => {
    const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');

    test('is at the folder that was asked for, and gone afterwards', async () => {
      const at = join(folder, 'sys');
      mkdirSync(at);
      const up = startUp('--at', at);
      expect((await up.until('ready')).tree).toBe(at);
      const type = `${at}/class/mdev_bus/mtty/mdev_supported_types/mtty-2`;
      const script = `echo ${UUID} > ${type}/create && cat ${type}/available_instances && ls ${at}/bus/mdev/devices`;
      const { status, stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
      expect([status, stdout]).toEqual([0, `11\n${UUID}\n`]);
      expect((await mediated('list')).stdout).toContain(UUID);
      expect(await up.end()).toBe(0);
      expect(mounts()).not.toContain(at);
      expect(readdirSync(at)).toEqual([]);
    });

    test('makes its folder if need be, and takes that away', async () => {
      const at = join(folder, 'made');
      const up = startUp('--at', at);
      expect((await up.until('ready')).tree).toBe(at);
      expect(readdirSync(at)).toContain('bus');
      expect(await up.end()).toBe(0);
      expect(existsSync(at)).toBe(false);
    });

    test('is gone at once after a second Ctrl-C, with the folder that was made for it', async () => {
      const at = join(folder, 'sys');
      const up = startUp('--at', at);
      await up.until('ready');
      // A program that keeps the tree busy and a device in use would make the first one wait; here both come together.
      const closed = once(up.child, 'close');
      up.child.kill('SIGINT');
      up.child.kill('SIGTERM');
      const [status] = await closed;
      expect([0, 130]).toContain(status);
      expect(mounts()).not.toContain(at);
      expect(existsSync(at)).toBe(false);
    });
  },
);
