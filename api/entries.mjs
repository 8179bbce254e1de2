// @ts-check
/** What the workspace publishes, for the report and the reference of its API. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/**
 * @typedef {object} Entry
 * @property {string} name `core`, `core.sync`.
 * @property {string} specifier As users import it: `@mediated/core/sync`.
 * @property {string} folder The package's.
 * @property {string} types The file of its declarations.
 * @property {string} source The file that they are built from.
 */

/**
 * Entries that are code, of every package that is not private.
 * @returns {Promise<Entry[]>}
 */
export async function publishedEntries() {
  const found = [];
  for (const folder of (await readdir(packages)).sort()) {
    const manifest = JSON.parse(await readFile(join(packages, folder, 'package.json'), 'utf8'));
    if (manifest.private === true) continue;
    /** @type {[string, string | { types: string }][]} */
    const targets = Object.entries(manifest.exports);
    for (const [subpath, target] of targets) {
      if (typeof target === 'string') continue;
      const types = join(packages, folder, target.types);
      found.push({
        name: [folder, ...subpath.split('/').slice(1)].join('.'),
        specifier: manifest.name + subpath.slice(1),
        folder: join(packages, folder),
        types,
        source: types.replace('/dist/', '/src/').replace(/\.d\.ts$/, '.ts'),
      });
    }
  }
  return found;
}
