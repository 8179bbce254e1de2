/** The core as it is packed: a file per room. Made anew before it is measured. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CORE = new URL('../../../packages/core/', import.meta.url);

/** The entries of a core: as packed, or as it stands in the workspace. */
export interface Core {
  readonly name: 'packed' | 'workspace';
  readonly main: URL;
  readonly actor: URL;
}

/** Both, the packed one first. */
export async function cores(): Promise<readonly Core[]> {
  const script = fileURLToPath(new URL('../../scripts/bundle.mjs', CORE));
  await promisify(execFile)(process.execPath, [script], { cwd: fileURLToPath(CORE) });
  return [coreIn('packed', 'bundle/'), coreIn('workspace', 'dist/')];
}

function coreIn(name: Core['name'], folder: string): Core {
  const base = new URL(folder, CORE);
  return { name, main: new URL('index.js', base), actor: new URL('actor/index.js', base) };
}
