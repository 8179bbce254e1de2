/**
 * What the workspace publishes, read from the package manifests: used by tests that hold for every package.
 * Plain reads of files; nothing here is shared between threads.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** One entry of a package's exports map. */
export interface PublishedEntry {
  /** As users import it: `@mediated/core/sync`. */
  readonly specifier: string;
  /** The file of its types, as a URL. */
  readonly types: URL;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Record<string, string | { readonly types: string; readonly default: string }>;
}

/** The packages beside this one, seen from `dist/`. */
const PACKAGES = new URL('../../packages/', import.meta.url);

/** Every entry that is code, of every package that is not private. */
export function publishedEntries(): PublishedEntry[] {
  const entries: PublishedEntry[] = [];
  for (const folder of readdirSync(PACKAGES)) {
    const base = new URL(`${folder}/`, PACKAGES);
    const manifest = JSON.parse(readFileSync(new URL('package.json', base), 'utf8')) as Manifest;
    if (manifest.private === true) continue;
    for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
      if (typeof target === 'string') continue;
      entries.push({ specifier: manifest.name + subpath.slice(1), types: new URL(target.types, base) });
    }
  }
  return entries;
}
