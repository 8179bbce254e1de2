// @ts-check
/**
 * What the published packages export, as text: a report per entry in `reports/`. `pnpm api` writes them anew, `pnpm check`
 * runs this with `--check` and fails when they differ from the built packages, so that no export changes unseen.
 *
 * The tools here read declarations with TypeScript 6, because TypeScript 7 has no API for programs; only this folder has it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { publishedEntries } from './entries.mjs';

const kept = fileURLToPath(new URL('reports/', import.meta.url));

/**
 * @param {import('./entries.mjs').Entry} entry
 * @param {string[]} files that are looked at together
 * @param {string} target where the report goes
 */
function configure({ name, folder, types }, files, target) {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: types,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2022',
            module: 'nodenext',
            moduleResolution: 'nodenext',
            lib: ['es2024', 'esnext.disposable'],
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files,
        },
      },
      apiReport: { enabled: true, reportFileName: `${name}.api.md`, reportFolder: target, reportTempFolder: target },
      newlineKind: 'lf',
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      // Forgotten exports and doc comments are not what this is for.
      messages: {
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, 'package.json'),
  });
}

/** What is documented is not part of the comparison: a comment changes no export. */
const HINT = / *\/\/ \(undocumented\)\n| \(undocumented\)$/gm;

/**
 * The reports of every package by the names of their files.
 * @param {string} target a folder for the extractor's own files
 * @returns {Promise<Map<string, string>>}
 */
async function reports(target) {
  const found = new Map();
  const entries = await publishedEntries();
  const files = entries.map(({ types }) => types);
  /** @type {CompilerState | undefined} */
  let compilerState;
  for (const entry of entries) {
    const configuration = configure(entry, files, target);
    compilerState ??= CompilerState.create(configuration, { additionalEntryPoints: files });
    const { errorCount } = Extractor.invoke(configuration, {
      localBuild: true,
      compilerState,
      messageCallback(message) {
        message.handled = message.logLevel !== 'error';
      },
    });
    if (errorCount > 0) throw new Error(`${entry.specifier}: its declarations cannot be read`);
    const file = `${entry.name}.api.md`;
    const text = await readFile(join(target, file), 'utf8');
    found.set(file, text.replace(/^## API Report File for .*$/m, `## ${entry.specifier}`).replaceAll(HINT, ''));
  }
  return found;
}

/**
 * Compares with the reports that are kept. True when nothing has changed.
 * @param {Map<string, string>} current
 * @param {string} target a folder to put what is compared
 */
async function check(current, target) {
  const fresh = join(target, 'reports');
  await mkdir(fresh);
  for (const [file, text] of current) await writeFile(join(fresh, file), text);
  const { status, stdout, stderr } = spawnSync('git', ['diff', '--no-index', '--no-color', kept, fresh], {
    encoding: 'utf8',
  });
  if (status === 0) return true;
  console.log(stdout + stderr);
  console.log('What the packages export has changed. If that is meant: `pnpm api`, commit api/reports, and say in a');
  console.log('changeset (`pnpm changeset`) what it means for users. If not: take the change back.');
  return false;
}

/** @param {Map<string, string>} current */
async function keep(current) {
  for (const file of await readdir(kept)) if (!current.has(file)) await rm(join(kept, file));
  for (const [file, text] of current) await writeFile(join(kept, file), text);
  console.log(`${current.size} reports in api/reports`);
}

const target = await mkdtemp(join(tmpdir(), 'mediated-api-'));
try {
  const current = await reports(target);
  if (!process.argv.includes('--check')) await keep(current);
  else if (!(await check(current, target))) process.exitCode = 1;
} finally {
  await rm(target, { recursive: true, force: true });
}
