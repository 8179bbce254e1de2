// @ts-check
/**
 * `prepack` of @mediated/core: puts the built modules of each room into one file, in `bundle/`. Node spends most of an import on
 * each file's own way through the loader, on every thread that starts; a hundred files took several times as long. What is
 * exported, and which module is loaded once on a thread, stays as in `dist/`, which tests in the workspace use.
 */
import { readFile, rm } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

/** Modules that threads load by their URL, and that name themselves by it. */
const BY_URL = ['actor/thread-main', 'actor/workqueue-main', 'mdev/driver-actor', 'mdev/parent-actor'];

const dist = `${process.cwd()}${sep}dist${sep}`;
const target = 'bundle';
/** @type {{ exports: Record<string, string | { default: string }> }} */
const { exports } = JSON.parse(await readFile('package.json', 'utf8'));
const entries = Object.values(exports).flatMap((to) => (typeof to === 'string' ? [] : [to.default]));
const names = [...entries.map((file) => file.replace(/^\.\/dist\/|\.js$/g, '')), ...BY_URL];

/**
 * The room of a module: its folder.
 * @param {string} id
 */
function roomOf(id) {
  if (!id.startsWith(dist)) return undefined;
  const [room, file] = relative(dist, id).split(sep);
  if (file === undefined) return room === 'index.js' ? undefined : 'common';
  // What an entry does when it is loaded happens nowhere else.
  return file === 'index.js' || file.endsWith('-main.js') ? undefined : room;
}

await rm(target, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(names.map((name) => [name, `${dist}${name}.js`])),
  platform: 'node',
  preserveEntrySignatures: 'allow-extension',
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
  plugins: [
    {
      name: 'own-url',
      // A room's file lies in another folder than its modules did.
      transform(code, id) {
        const own = `new URL('./${relative(dist, id)}', import.meta.url).href`;
        return code.replaceAll(/(?<!`)\bimport\.meta\.url\b/g, own);
      },
    },
  ],
});
await bundle.write({
  dir: target,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'room-[name].js',
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ name: (/** @type {string} */ id) => roomOf(id) ?? null, debugName: 'rooms' }],
  },
});
await bundle.close();
