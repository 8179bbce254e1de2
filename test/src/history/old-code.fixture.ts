/**
 * The code as it was before a patch: named edits of the built packages. A test has them applied, by a module loader hook,
 * in the threads of one scene only (`stage.fixture.ts`). What an edit replaces must be in its file exactly once, or the
 * thread does not start: a list that does not fit the code any more fails.
 */
import { OLD_CCW } from './old-ccw.fixture.js';
import { OLD_CORE } from './old-core.fixture.js';
import { OLD_SETS } from './old-sets.fixture.js';
import { OLD_VENDORS } from './old-vendors.fixture.js';

/** A replacement in one built file. */
export interface Edit {
  /** Package and module: `core/mdev/parent-shard`. */
  readonly module: string;
  readonly from: string;
  readonly to: string;
}

/** By name; names are those in docs/history.md. */
export const OLD_CODE: Readonly<Record<string, readonly Edit[]>> = {
  ...OLD_CORE,
  ...OLD_SETS,
  ...OLD_CCW,
  ...OLD_VENDORS,
};

const PACKAGES = new URL('../../../packages/', import.meta.url);

/** URL of the built file that an edit is about. */
export function fileOf({ module }: Edit): string {
  const [name, ...path] = module.split('/');
  return new URL(`${name}/dist/${path.join('/')}.js`, PACKAGES).href;
}

/** The source with the edits that are about the file at `url`. Throws when one does not fit. */
export function edited(url: string, source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const edit of edits) {
    if (fileOf(edit) !== url) continue;
    const found = text.split(edit.from).length - 1;
    if (found !== 1) throw new Error(`${edit.module} has this ${found} times, not once: ${edit.from}`);
    text = text.replace(edit.from, () => edit.to);
  }
  return text;
}
