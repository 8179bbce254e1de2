/**
 * The published packages as a stranger gets them: packed as for the registry, installed into an empty project, with the
 * programs of `programs/` and the tours as that project's sources. For packed.e2e.test.ts.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PACKAGE_PROGRAMS, ROOT, TOURS } from '../pages.js';

/** Programs on the command line are those of the project, not of the workspace. */
const environment = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' };

/** The package managers by name, each with the line that installs what the manifest says. */
export const MANAGERS = {
  npm: ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline'],
  pnpm: ['npx', '-y', 'pnpm@12', 'install', '--prefer-offline', '--no-frozen-lockfile'],
} as const;

export interface PackedPackage {
  readonly name: string;
  /** Its folder in the workspace: `core`. */
  readonly folder: string;
  readonly archive: string;
}

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a status that is not 0 is an answer too. */
export async function run(cwd: string, program: string, ...args: string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd, env: environment });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { status: typeof code === 'number' ? code : -1, stdout, stderr: stderr || String(error) };
  }
}

/** Packs every package that is not private into a folder. */
export async function packAll(target: string): Promise<PackedPackage[]> {
  const packages = fileURLToPath(new URL('packages/', ROOT));
  const packed: PackedPackage[] = [];
  for (const folder of (await readdir(packages)).sort()) {
    const manifest = JSON.parse(await readFile(join(packages, folder, 'package.json'), 'utf8'));
    if (manifest.private === true) continue;
    const archive = join(target, `${folder}.tgz`);
    const { status, stdout, stderr } = await run(
      join(packages, folder),
      ...(['npx', '-y', 'pnpm@12', 'pack', '--out', archive] as const),
    );
    if (status !== 0) throw new Error(`${manifest.name} cannot be packed: ${stdout}${stderr}`);
    packed.push({ name: manifest.name, folder, archive });
  }
  return packed;
}

/** Makes a project in an empty folder whose only dependencies are the archives, and the types of Node. */
export async function makeProject(cwd: string, packed: readonly PackedPackage[], types: string): Promise<void> {
  const archives = Object.fromEntries(packed.map(({ name, archive }) => [name, `file:${archive}`]));
  const manifest = {
    name: 'empty',
    private: true,
    type: 'module',
    dependencies: archives,
    devDependencies: { '@types/node': types },
  };
  const options = {
    target: 'es2022',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    skipLibCheck: false,
    rootDir: 'src',
    outDir: 'out',
  };
  await writeFile(join(cwd, 'package.json'), JSON.stringify(manifest));
  // Until they are on a registry, what one of them needs of the others comes from the archives too.
  await writeFile(
    join(cwd, 'pnpm-workspace.yaml'),
    JSON.stringify({ overrides: archives, allowBuilds: { koffi: false } }),
  );
  await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }));
  await mkdir(join(cwd, 'src', 'tours'), { recursive: true });
  for (const file of await readdir(TOURS)) await copyFile(new URL(file, TOURS), join(cwd, 'src', 'tours', file));
  for (const file of await readdir(PACKAGE_PROGRAMS)) {
    await copyFile(new URL(file, PACKAGE_PROGRAMS), join(cwd, 'src', `${basename(file, '.fixture.ts')}.ts`));
  }
}
