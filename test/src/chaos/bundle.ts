/**
 * Puts what a storm's threads load into few CommonJS files, so that they start fast: of a thread's start from the built packages
 * four fifths are spent on a hundred files' way through Node's loader, and each kill needs one start. Called by `main.ts`; the
 * folder belongs to its caller. The code is what `tsc` has built, except for where a module says that it lies.
 */
import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The storm, and modules that threads load by their URL. */
const ENTRIES = [
  'test/dist/chaos/storm',
  'test/dist/chaos/bus-client.worker',
  'test/dist/chaos/lock-client.worker',
  'test/dist/chaos/chaos-driver.worker',
  'packages/core/dist/actor/thread-main',
  'packages/core/dist/mdev/driver-actor',
  'packages/core/dist/mdev/parent-actor',
  'packages/vfio/dist/device-files-actor',
  'packages/vfio/dist/control/control-actor',
];

/** Writes the bundle into an empty folder; where its first module is, `storm.ts`. */
export async function bundleStorm(folder: string): Promise<string> {
  const bundle = await rolldown({
    input: Object.fromEntries(ENTRIES.map((entry) => [entry, `${ROOT}${entry}.js`])),
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    plugins: [
      {
        name: 'own-url',
        // Whatever file a module is put into, it takes itself to lie below the folder as it lay below the root.
        transform(code, id) {
          if (!id.startsWith(ROOT) || id.includes('node_modules')) return undefined;
          const own = pathToFileURL(`${folder}/${relative(ROOT, id)}`).href;
          return code.replaceAll(/(?<!`)\bimport\.meta\.url\b/g, `'${own}'`);
        },
      },
    ],
  });
  try {
    await bundle.write({
      dir: folder,
      format: 'cjs',
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
    });
  } finally {
    await bundle.close();
  }
  await writeFile(`${folder}/package.json`, '{"type":"commonjs"}');
  return `${folder}/test/dist/chaos/storm.js`;
}
