/**
 * Code that is wrong on purpose, for testing the searchers: each mutant is one edit of a built file, which has to match
 * exactly once, so that the list cannot rot, and names a target whose exploration must find it. Called by `main.ts`.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A wrong edit. */
export interface Mutant {
  /** What is wrong. */
  readonly name: string;
  /** The package, `core` if not given; the file below its `dist`, what stands there, and what is put there. */
  readonly package?: 'core' | 'vfio';
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The target that finds it, and how many preemptions that takes, if more than the target is explored with. */
  readonly target: string;
  readonly preemptions?: number;
}

const PACKAGES = new URL('../../../packages/', import.meta.url);

/** Built code with the edit of a mutant. */
export class MutantCode {
  private constructor(
    readonly folder: string,
    readonly original: URL,
  ) {}

  /** Copies the built code and edits it. Throws unless the edit matches exactly once. */
  static async make({ name, package: edited = 'core', file, from, to }: Mutant): Promise<MutantCode> {
    const folder = await mkdtemp(join(tmpdir(), 'mediated-mutant-'));
    const code = new MutantCode(folder, new URL(`${edited}/`, PACKAGES));
    try {
      const original = fileURLToPath(code.original);
      await cp(join(original, 'dist'), join(folder, 'dist'), {
        recursive: true,
        filter: (path) => !/\.(d\.ts|map|tsbuildinfo)$/.test(path),
      });
      await cp(join(original, 'package.json'), join(folder, 'package.json'));
      await symlink(join(original, 'node_modules'), join(folder, 'node_modules'));
      const path = join(folder, 'dist', file);
      const text = await readFile(path, 'utf8');
      const parts = text.split(from);
      if (parts.length !== 2) throw new Error(`mutant '${name}' matches ${parts.length - 1} places of ${file}`);
      await writeFile(path, parts.join(to));
    } catch (error) {
      await code.remove();
      throw error;
    }
    return code;
  }

  /** What the explorer is to take in place of the real code. */
  get replacements(): { readonly from: string; readonly to: string }[] {
    return [{ from: new URL('dist/', this.original).href, to: pathToFileURL(join(this.folder, 'dist/')).href }];
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
