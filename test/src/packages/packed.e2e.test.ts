/** Every published package, packed and installed into an empty project: its types hold, its program runs. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANAGERS, makeProject, type PackedPackage, packAll, run } from '#dist/packages/empty-project.js';
import { outputs, programs, ROOT } from '#dist/pages.js';
import { publishedEntries } from '#dist/published.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** What the program of each package prints, by the package's folder. A package without one fails. */
const PRINTED: Readonly<Record<string, string>> = {
  cli: '10 0\n',
  core: 'true 42 17 0\n',
  explorer: 'check true\n',
  fleet: 'ECONNREFUSED\n',
  sysfs: 'true\n',
  vendors: 'PNG 24\n',
  vfio: 'number 3 function\n',
  'vfio-user': '8\n',
};

const INSTALLING = 240_000;
const TSC = fileURLToPath(new URL('node_modules/.bin/tsc', ROOT));

let place = '';
let packed: readonly PackedPackage[] = [];
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'mediated-packed-'));
  packed = await packAll(place);
}, INSTALLING);
afterAll(() => rm(place, { recursive: true, force: true }));

test('every published package has a program, a licence and a page for the registry', async () => {
  expect(packed.map(({ folder }) => folder)).toEqual(Object.keys(PRINTED).sort());
  for (const { archive, name } of packed) {
    const { stdout } = await run(place, 'tar', 'tzf', archive);
    const files = stdout.split('\n');
    expect(files, name).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md']));
    expect(
      files.filter((file) => /\.(test|fixture)\.|tsbuildinfo$/.test(file)),
      name,
    ).toEqual([]);
  }
});

test('the core stays small: what is downloaded, and what a program loads of it', async () => {
  const core = packed.find(({ folder }) => folder === 'core');
  if (core === undefined) throw new Error('the core is not packed');
  expect((await stat(core.archive)).size).toBeLessThan(200_000);
  await run(place, 'tar', 'xzf', core.archive);
  const files = await readdir(join(place, 'package/bundle'), { recursive: true });
  const sizes = files.filter((file) => file.endsWith('.js')).map((file) => stat(join(place, 'package/bundle', file)));
  expect((await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)).toBeLessThan(400_000);
});

describe.each(Object.keys(MANAGERS) as (keyof typeof MANAGERS)[])('in an empty project of %s', (manager) => {
  let project = '';
  beforeAll(async () => {
    project = join(place, manager);
    await mkdir(project);
    const { devDependencies } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
    await makeProject(project, packed, devDependencies['@types/node']);
    const [program, ...args] = MANAGERS[manager];
    const installed = await run(project, program, ...args);
    expect(installed.status, installed.stdout + installed.stderr).toBe(0);
  }, INSTALLING);

  test('types hold, those of the packages too', async () => {
    expect(await run(project, TSC, '-p', '.')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test.each(Object.entries(PRINTED))('the program of %s runs', async (folder, stdout) => {
    expect(await run(project, process.execPath, join('out', `${folder}.js`))).toEqual({
      status: 0,
      stdout,
      stderr: '',
    });
  });

  test('entries export what they do in the workspace', async () => {
    for (const { specifier } of publishedEntries()) {
      const script = `console.log(Object.keys(await import('${specifier}')).sort().join(' '))`;
      const { stdout } = await run(project, process.execPath, '--input-type=module', '-e', script);
      const own: object = await import(/* @vite-ignore */ specifier);
      expect(stdout.trim(), specifier).toBe(Object.keys(own).sort().join(' '));
    }
  });

  // What is packed is put together differently from what stands in the workspace: the tours use all of it. Once is enough.
  test.each(manager === 'npm' ? programs : [])('the tour %s prints what a page says', async (program) => {
    const tour = join('out', 'tours', `${program}.fixture.js`);
    expect(await run(project, process.execPath, tour)).toEqual({ status: 0, stdout: outputs.get(program), stderr: '' });
  });

  test('the program mediated is there and runs', async () => {
    const mediated = join('node_modules', '.bin', 'mediated');
    const { version } = JSON.parse(await readFile(join(project, 'node_modules/mediated/package.json'), 'utf8'));
    expect((await run(project, mediated, '--version')).stdout.trim()).toBe(`mediated ${version}`);
    const { status, stdout } = await run(
      project,
      mediated,
      'up',
      '--no-mount',
      '--json',
      '--instance',
      place.slice(-6),
      '--for',
      '1',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('"event":"ready"');
  });
});
