/**
 * mdevctl as Debian 12 and 13 have it, on the mounted tree: 1.2 and 1.4 with the tree as their `/sys`, 1.4 also with
 * `MDEVCTL_ENV_ROOT`.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Release, type RunOptions, START_TIMEOUT, Stage, titled, whyNot } from '#dist/clients/stage.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const OTHER = 'a297db4a-f4c2-11e6-90f6-d3b88d6c9525';

interface Kind {
  readonly title: string;
  readonly release: Release;
  readonly options: RunOptions;
}

const KINDS: readonly Kind[] = [
  { title: 'mdevctl 1.2 in a mount namespace', release: 'bookworm', options: {} },
  { title: 'mdevctl 1.4 in a mount namespace', release: 'trixie', options: {} },
  { title: 'mdevctl 1.4 with MDEVCTL_ENV_ROOT', release: 'trixie', options: { environmentRoot: true } },
];

for (const { title, release, options } of KINDS) {
  const reason = whyNot(release);
  describe.skipIf(reason !== undefined)(titled(title, reason), () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.start();
    }, START_TIMEOUT);
    afterEach(async () => {
      for (const parent of ['mtty', '0.0.0313']) {
        for (const folder of ['mdevctl.d', 'env/etc/mdevctl.d']) {
          rmSync(join(stage.work, folder, parent), { recursive: true, force: true });
        }
      }
      await stage.bash('for device in bus/mdev/devices/*/; do echo 1 > "$device/remove"; done');
    });
    afterAll(async () => {
      expect(await stage.close()).toBe(0);
    }, START_TIMEOUT);
    const mdevctl = (...words: string[]) => stage.run(release, ['mdevctl', ...words], options);
    const ok = async (...words: string[]) => {
      const { status, stdout, stderr } = await mdevctl(...words);
      expect([status, stderr], words.join(' ')).toEqual([0, '']);
      return stdout.trimEnd();
    };

    test('types: those of the tree, with names and instances', async () => {
      expect(await ok('types', '-p', 'mtty')).toBe(
        [
          'mtty',
          '  mtty-1',
          '    Available instances: 24',
          '    Device API: vfio-pci',
          '    Name: Single port serial',
          '  mtty-2',
          '    Available instances: 12',
          '    Device API: vfio-pci',
          '    Name: Dual port serial',
        ].join('\n'),
      );
      const all = JSON.parse(await ok('types', '--dumpjson')) as Record<string, unknown>[];
      const parents = all.flatMap((entry) => Object.keys(entry)).sort();
      expect(parents).toEqual((await stage.bash('ls class/mdev_bus')).stdout.trim().split('\n').sort());
    });

    test('define, start, list, stop, undefine', async () => {
      await ok('define', '-u', UUID, '-p', 'mtty', '-t', 'mtty-2');
      expect(await ok('list', '-d')).toBe(`${UUID} mtty mtty-2 manual`);
      await ok('start', '-u', UUID);
      expect(await ok('list')).toBe(`${UUID} mtty mtty-2 manual (defined)`);
      expect((await stage.mediated('list')).stdout).toContain(`${UUID}  mtty    mtty-2`);
      await ok('stop', '-u', UUID);
      expect(await ok('list')).toBe('');
      await ok('undefine', '-u', UUID);
      expect(await ok('list', '-d')).toBe('');
    });

    test('start without a definition makes up a UUID', async () => {
      const uuid = await ok('start', '-p', 'mtty', '-t', 'mtty-1');
      expect(uuid).toMatch(/^[0-9a-f-]{36}$/);
      const [{ mtty }] = JSON.parse(await ok('list', '--dumpjson')) as { mtty: Record<string, unknown>[] }[];
      expect(mtty.map((device) => Object.keys(device))).toEqual([[uuid]]);
    });

    test('autostart: what is defined so starts with its parent, nothing else', async () => {
      await ok('define', '-u', UUID, '-p', 'mtty', '-t', 'mtty-1');
      await ok('define', '-u', OTHER, '-p', 'mtty', '-t', 'mtty-1');
      await ok('modify', '-u', UUID, '--auto');
      await ok('start-parent-mdevs', 'mtty');
      expect(await ok('list')).toBe(`${UUID} mtty mtty-1 auto (defined)`);
    });

    test('what it defines, mediated up creates', async () => {
      await ok('define', '-u', UUID, '-p', 'mtty', '-t', 'mtty-1', '--auto');
      const folder = join(stage.work, options.environmentRoot === true ? 'env/etc/mdevctl.d' : 'mdevctl.d');
      const words = ['up', '--no-mount', '--instance', 'other', '--json', '--for', '1', '--definitions', folder];
      const { status, stdout } = await stage.mediated(...words);
      expect(status).toBe(0);
      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(events).toContainEqual({ event: 'device', uuid: UUID, parent: 'mtty', type: 'mtty-1' });
      expect(events).toContainEqual({ event: 'defined', folder, created: 1, problems: 0 });
    });

    test('an attribute that cannot be written takes the device back', async () => {
      await ok('define', '-u', UUID, '-p', 'mtty', '-t', 'mtty-1');
      await ok('modify', '-u', UUID, '--addattr=vendor/sample_mdev_dev', '--value=x');
      const { status, stderr } = await mdevctl('start', '-u', UUID);
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/attribute vendor\/sample_mdev_dev[\s\S]*os error 13/),
      ]);
      expect((await stage.bash('ls bus/mdev/devices')).stdout).toBe('');
    });

    test('what the kernel refuses is told with its errno', async () => {
      await ok('start', '-u', UUID, '-p', '0.0.0313', '-t', 'vfio_ccw-io');
      // The subchannel says that there is room, as it may a moment before somebody else is faster.
      await stage.bash('echo 1 > devices/css0/0.0.0313/faults/available');
      const { status, stderr } = await mdevctl('start', '-u', OTHER, '-p', '0.0.0313', '-t', 'vfio_ccw-io');
      await stage.bash('echo off > devices/css0/0.0.0313/faults/available');
      expect([status, stderr]).toEqual([1, expect.stringContaining('Too many users (os error 87)')]);
    });

    test('of several that start one device at once, one does', async () => {
      const starts = await Promise.all(
        Array.from({ length: 4 }, () => mdevctl('start', '-u', UUID, '-p', 'mtty', '-t', 'mtty-1')),
      );
      expect(starts.filter(({ status }) => status === 0)).toHaveLength(1);
      for (const { status, stderr } of starts) {
        if (status !== 0) expect(stderr).toMatch(/File exists \(os error 17\)|Device already exists/);
      }
      expect(await ok('list')).toContain(`${UUID} mtty mtty-1`);
    });
  });
}
