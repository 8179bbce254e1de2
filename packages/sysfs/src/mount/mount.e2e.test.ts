import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Runtime } from '@mediated/core';
import { mountTable } from '#dist/mount/mount-table.js';
import { mountSysfs } from '@mediated/sysfs';
import { bash, Stage, whyNotMountable } from '../../dist-fixtures/mount/stage.fixture.js';

const reason = await whyNotMountable();
if (reason !== undefined) console.log(`tests of mounts are skipped: ${reason}`);

const mounter = fileURLToPath(new URL('../../dist-fixtures/mount/mounter.fixture.js', import.meta.url));

/** Mounts at a place, uppermost last. */
const mountsAt = (path: string) => mountTable().filter((place) => place.path === path);

/** Starts the mounter; resolves with the place when it has printed it. */
async function startMounter(what: string, at?: string): Promise<{ child: ChildProcess; path: string }> {
  const child = spawn(process.execPath, [mounter, what, ...(at === undefined ? [] : [at])], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, path: line.toString().trim() };
}

/** Waits for changes of the mount table until nothing is mounted at a place. The kernel tells of them as urgent data. */
const UNTIL_UNMOUNTED = `open(M, "<", "/proc/self/mountinfo") or die;
for (;;) {
  seek(M, 0, 0);
  exit 0 unless grep { (split / /)[4] eq $ARGV[0] } <M>;
  my $e = ""; vec($e, fileno(M), 1) = 1;
  select(undef, undef, $e, undef);
}`;

describe.skipIf(reason !== undefined)('mounting', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mediated-test-'));
  });

  afterEach(async () => {
    for (const { path } of mountTable()) {
      if (path.startsWith(folder)) await bash(`umount -i -c -l "${path}"`);
    }
    await rm(folder, { recursive: true });
  });

  test('at a fresh directory, which goes with the mount', async () => {
    const stage = await Stage.start();
    expect(stage.mount.path.startsWith(tmpdir())).toBe(true);
    expect(await stage.bash('ls $T')).toBe('bus\nclass\ndevices\nkernel\nmodule\n');
    await stage.close();
    await stage.mount.unmount();
    expect(existsSync(stage.mount.path)).toBe(false);
  });

  test('at a given directory, which stays, whatever it is called', async () => {
    const at = join(folder, 'a b\n$(touch x)"\'\\');
    await mkdir(at);
    const stage = await Stage.start({ at });
    expect(stage.mount.path).toBe(at);
    expect(await stage.bash('cat "$T/class/mdev_bus/p/mdev_supported_types/patient-slow/name"')).toBe(
      'Takes its time\n',
    );
    await stage.close();
    expect(mountsAt(at)).toEqual([]);
    expect(existsSync(at)).toBe(true);
  });

  test('where there is no directory: ENOENT, ENOTDIR, and nothing is left open', async () => {
    const runtime = Runtime.start();
    await writeFile(join(folder, 'file'), '');
    await expect(mountSysfs(runtime, { at: join(folder, 'none') })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(mountSysfs(runtime, { at: join(folder, 'file') })).rejects.toMatchObject({ code: 'ENOTDIR' });
    await runtime.close();
  });

  test('where another tree is: EBUSY', async () => {
    const stage = await Stage.start({ at: folder });
    await expect(mountSysfs(stage.runtime, { at: folder })).rejects.toMatchObject({ code: 'EBUSY' });
    expect(await stage.bash('ls $T')).toContain('bus');
    await stage.close();
  });

  test('a stale mount is noticed and replaced', async () => {
    expect(await bash(`"${process.execPath}" "${mounter}" stale "${folder}"`)).toBe('');
    expect(mountsAt(folder)).toHaveLength(1);
    expect(await bash(`ls "${folder}"`)).toMatch(/not connected|connection abort/);
    const stage = await Stage.start({ at: folder });
    expect(mountsAt(folder)).toHaveLength(1);
    expect(await stage.bash('ls $T')).toContain('bus');
    await stage.close();
    expect(mountsAt(folder)).toEqual([]);
  });

  test('two trees of one runtime show the same', async () => {
    const stage = await Stage.start();
    const other = await mountSysfs(stage.runtime);
    await stage.calls.write(`${stage.type()}/create`, '83b8f4f2-509f-382f-3c1e-e6bfe0fa0001');
    expect(await bash(`ls ${other.path}/bus/mdev/devices`)).toBe('83b8f4f2-509f-382f-3c1e-e6bfe0fa0001\n');
    await other.unmount();
    await stage.close();
  });

  test('unmounting ends requests under way and who stays inside, and the process can end', async () => {
    const stage = await Stage.start();
    const mdev = await stage.parent.create('patient-quick');
    const inside = spawn('bash', ['-c', 'cat patience/slow; ls; exit 0'], {
      cwd: stage.at(`bus/mdev/devices/${mdev.uuid}`),
    });
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    let words = '';
    inside.stderr.on('data', (text) => {
      words += text;
    });
    const ended = once(inside, 'close');
    await stage.waiting(1);
    await stage.close();
    await ended;
    process.off('warning', note);
    expect(warnings).toEqual([]);
    expect(words).toMatch(
      /cat: patience\/slow: (Software caused connection abort|Transport endpoint is not connected)/,
    );
  });

  test('somebody else unmounts it: the runtime goes on', async () => {
    const stage = await Stage.start({ at: folder });
    expect(await bash(`umount -i "${folder}"`)).toBe('');
    await stage.mount.unmount();
    expect((await stage.parent.create('patient-quick')).presence.bus).toBe(true);
    await stage.close();
  });

  test.each(['exit', 'throw'])('%s leaves no mount, and no directory that was made for it', async (what) => {
    const { child, path } = await startMounter(what);
    if (child.exitCode === null) await once(child, 'exit');
    expect(mountsAt(path)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test.skipIf(!existsSync('/usr/bin/perl')).each(['SIGKILL', 'SIGTERM'] as const)(
    '%s leaves no mount',
    async (signal) => {
      const { child, path } = await startMounter('stay');
      expect(mountsAt(path)).toHaveLength(1);
      child.kill(signal);
      await once(child, 'exit');
      const watch = spawn('/usr/bin/perl', ['-e', UNTIL_UNMOUNTED, path], { stdio: 'inherit' });
      expect(await once(watch, 'exit')).toEqual([0, null]);
    },
  );

  test('as an ordinary user in a namespace of their own', async (context) => {
    const can = await bash('unshare -Urm sh -c "exec 3<>/dev/fuse" && echo yes');
    if (!can.startsWith('yes')) return context.skip(`no namespaces or no /dev/fuse in them: ${can}`);
    const out = await bash(
      `unshare -Urm bash -c '"$0" "$1" exit "$2"; grep -c " $2 " /proc/self/mountinfo' "${process.execPath}" "${mounter}" "${folder}"`,
    );
    expect(out).toBe(`${folder}\n0\n(1)`);
  });
});
