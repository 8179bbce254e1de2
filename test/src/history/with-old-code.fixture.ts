/**
 * Loaded before everything else (`--import`) in every thread of a scene that plays with old code, whose name is in the
 * environment: from now on the thread's modules are loaded with its edits.
 */
import * as module from 'node:module';
import { edited, OLD_CODE } from './old-code.fixture.js';

interface Loaded {
  readonly format: string;
  readonly source?: unknown;
}

type Load = (url: string, context: unknown, next: (url: string, context: unknown) => Loaded) => Loaded;

/** Hooks on the thread itself, where Node has them. */
const { registerHooks } = module as unknown as { registerHooks?: (hooks: { load: Load }) => void };

const name = process.env.MEDIATED_OLD_CODE ?? '';
const edits = OLD_CODE[name];
if (edits === undefined) throw new Error(`there is no old code named ${JSON.stringify(name)}`);

if (registerHooks === undefined) {
  module.register('./old-code-loader.fixture.js', import.meta.url, { data: edits });
} else {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (loaded.format !== 'module') return loaded;
      return { ...loaded, source: edited(url, String(loaded.source), edits) };
    },
  });
}
