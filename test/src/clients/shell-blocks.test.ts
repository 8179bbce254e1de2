/** Shell blocks of the pages, as they stand there but for the path of the tree. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { START_TIMEOUT, Stage, titled, whyNot } from '#dist/clients/stage.js';
import { putPrograms } from '#dist/clients/workflow.js';
import { ON_THE_TREE, shellBlocks } from '#dist/shell-blocks.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const reason = whyNot('trixie');
const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
/** What blocks print, by how they begin; what programs do not print always alike is left out. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  'SYS=': ['Dual port serial\n12\n', `${UUID} -> ../../../devices/virtual/mtty/mtty/${UUID}\n`],
  'unshare ': ['mtty\n  mtty-1\n    Available instances: 24\n'],
  'tree=': ['Dual port serial\n12\n', `${UUID} -> `, `${UUID}  mtty `],
  'cd /tmp/mediated-sysfs-XXXXXX': [`This is MDEV ${UUID}\n`],
};
/** What they are refused, by how they begin. */
const REFUSED: Readonly<Record<string, readonly RegExp[]>> = {
  'SYS=': [/^bash: line \d+: echo: write error: File exists\n/m, /^cat: write error: No space left on device\n/m],
};

/** What is known of a block. */
function of<T>(known: Readonly<Record<string, readonly T[]>>, first: string): readonly T[] {
  return Object.entries(known).find(([start]) => first.startsWith(start))?.[1] ?? [];
}

describe.skipIf(reason !== undefined)(titled('shell blocks of the pages', reason), () => {
  let stage: Stage;
  let folder = '';
  beforeAll(async () => {
    stage = await Stage.start();
    folder = mkdtempSync(join(tmpdir(), 'mediated-blocks-'));
    putPrograms(join(folder, 'bin'), join(process.env.MEDIATED_CLIENTS ?? '', 'trixie'));
  }, START_TIMEOUT);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    expect(await stage.close()).toBe(0);
  }, START_TIMEOUT);

  const here = ON_THE_TREE.filter(([, first]) => !first.startsWith('mkdir'));
  test.each(here.map(([page, first]) => ({ page, first })))('$page: $first', async ({ page, first }) => {
    const block = shellBlocks.find((candidate) => candidate.page === page && candidate.first === first);
    const script = block?.script.replaceAll(/\/tmp\/(mediated-sysfs-\w+|machine)/g, stage.tree) ?? '';
    const { status, stdout, stderr } = await stage.blocks(join(folder, 'bin'), script);
    expect(of(PRINTED, first)).not.toEqual([]);
    for (const text of of(PRINTED, first)) expect(stdout).toContain(text);
    let unexpected = stderr;
    for (const refusal of of(REFUSED, first)) {
      expect(unexpected).toMatch(refusal);
      unexpected = unexpected.replace(refusal, '');
    }
    expect([status, unexpected]).toEqual([0, '']);
    await stage.bash(`[ ! -e bus/mdev/devices/${UUID} ] || echo 1 > bus/mdev/devices/${UUID}/remove`);
  });

  test('docs/cli.md: mdevctl with a root of its own', async () => {
    const [, first] = ON_THE_TREE.find(([, line]) => line.startsWith('mkdir')) ?? [];
    const block = shellBlocks.find((candidate) => candidate.first === first);
    const [prepare, start, look] = block?.script.replaceAll('/tmp/root', join(folder, 'root')).trim().split('\n') ?? [];
    // Somebody who types it waits until the tree is there.
    const ready = join(folder, 'ready');
    const started = start.replace(' &', ` --instance root >${ready} &`);
    const wait = `until grep -q ^ready ${ready}; do sleep 0.1; done`;
    const script = `${prepare}\n${started}\n${wait}\n${look}\nkill $!; wait $!`;
    const { status, stdout } = await stage.blocks(join(folder, 'bin'), script);
    expect([status, stdout]).toEqual([0, expect.stringContaining('  mtty-2\n')]);
  });
});
