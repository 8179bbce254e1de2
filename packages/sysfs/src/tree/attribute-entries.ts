/**
 * A directory of the core's attribute model (`AttributeDirectory`) as a directory of the tree: its files, groups of files as
 * directories, its links, and what the tree itself adds.
 */
import type { Attribute, AttributeDirectory } from '@mediated/core';
import { type Directory, directory, type Entry, file, link, type Stay } from './entry.js';

/** What the tree adds to a directory of the core, and how long things last in it. */
export interface Extras {
  readonly life: string;
  readonly stay: Stay;
  /** Of the directory's own files. */
  readonly files: Stay;
  readonly links: Stay;
  /** In place of files and links of the same name. */
  lookup?(name: string): Entry | undefined;
  list?(): Iterable<readonly [string, Entry]>;
}

export function attributeEntries(source: AttributeDirectory, extras: Extras): Directory {
  return {
    type: 'directory',
    life: extras.life,
    stay: extras.stay,
    exists: () => source.exists,
    async lookup(name) {
      if (!source.exists) return undefined;
      const extra = extras.lookup?.(name);
      if (extra !== undefined) return extra;
      const found = source.links().find((candidate) => candidate.name === name);
      if (found !== undefined) return link(found.target, extras.links);
      return filesIn(await source.attributes(), '', extras.files).get(name);
    },
    async list() {
      if (!source.exists) return [];
      const entries = filesIn(await source.attributes(), '', extras.files);
      for (const { name, target } of source.links()) entries.set(name, link(target, extras.links));
      for (const [name, entry] of extras.list?.() ?? []) entries.set(name, entry);
      return entries;
    },
  };
}

/** The files whose paths begin with `prefix`; those in a group stand in a directory of its name. */
function filesIn(attributes: readonly Attribute[], prefix: string, stay: Stay): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const attribute of attributes) {
    if (!attribute.path.startsWith(prefix)) continue;
    const [name, more] = attribute.path.slice(prefix.length).split('/', 2);
    if (more === undefined) entries.set(name, file(attribute, { stay }));
    else if (!entries.has(name)) entries.set(name, group(attributes, `${prefix}${name}/`, stay));
  }
  return entries;
}

function group(attributes: readonly Attribute[], prefix: string, stay: Stay): Directory {
  const living = () => attributes.filter((attribute) => attribute.path.startsWith(prefix) && attribute.alive());
  return directory(() => filesIn(living(), prefix, stay), { stay, exists: () => living().length > 0 });
}
