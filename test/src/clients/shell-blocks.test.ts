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
/** What blocks print, by page; what programs do not print always alike is left out. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  'README.md': ['12\n', '\nmtty\n  mtty-1\n    Available instances: 24\n'],
  'docs/cli.md': ['Dual port serial\n12\n', `${UUID} -> `, `${UUID}  mtty `],
  'docs/sysfs.md': [`This is MDEV ${UUID}\n`],
};

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
    const script = block?.script.replaceAll(/\/tmp\/mediated-sysfs-\w+/g, stage.tree) ?? '';
    const { status, stdout, stderr } = await stage.blocks(join(folder, 'bin'), script);
    expect([status, stderr.replaceAll(/^.*File exists\n/gm, '')]).toEqual([0, '']);
    for (const text of PRINTED[page]) expect(stdout).toContain(text);
    if (page === 'README.md') expect(stderr).toContain('write error: File exists');
    await stage.bash(`[ ! -e bus/mdev/devices/${UUID} ] || echo 1 > bus/mdev/devices/${UUID}/remove`);
  });

  test('docs/cli.md: mdevctl with a root of its own', async () => {
    const [, , [, first]] = ON_THE_TREE;
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
