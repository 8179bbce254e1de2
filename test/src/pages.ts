/** The pages (README.md, docs/, each package's README.md and those of contributors) and the tours whose code they show, for the tests of both. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The workspace. */
export const ROOT = new URL('../../', import.meta.url);
/** The source of the example. */
export const ADDER = new URL('examples/adder/src/', ROOT);
/** Where the tours' sources are, the programs that packed packages are tried with, and where tours are built to. */
export const TOURS = new URL('test/src/tours/', ROOT);
export const PACKAGE_PROGRAMS = new URL('test/src/packages/programs/', ROOT);
export const BUILT_TOURS = new URL('test/dist-fixtures/tours/', ROOT);

const documents = readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' });

/** Every page by its path, with its text. */
export const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(new URL('packages/', ROOT))
    .map((name) => `packages/${name}/README.md`)
    .filter((name) => existsSync(new URL(name, ROOT))),
  ...documents.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
].map((name) => ({ name, text: readFileSync(new URL(name, ROOT), 'utf8') }));

/** What each tour prints, as a page says. */
export const outputs = new Map(
  pages.flatMap(({ text }) =>
    [...text.matchAll(/^<!-- what (\S+) prints -->\n```text\n([\s\S]*?)^```/gm)].map(([, name, said]) => [name, said]),
  ),
);

/** The tours that are programs: those that export nothing to others. */
export const programs = readdirSync(TOURS)
  .filter((file) => !readFileSync(new URL(file, TOURS), 'utf8').includes('export '))
  .map((file) => file.replace('.fixture.ts', ''));
