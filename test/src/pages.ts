/** The pages (README.md, docs/) and the tours whose code they show, for the tests of both. */
import { readdirSync, readFileSync } from 'node:fs';

/** The workspace. */
export const ROOT = new URL('../../', import.meta.url);
/** Where the tours' sources are, and where they are built to. */
export const TOURS = new URL('test/src/tours/', ROOT);
export const BUILT_TOURS = new URL('test/dist-fixtures/tours/', ROOT);

const documents = readdirSync(new URL('docs/', ROOT), { recursive: true, encoding: 'utf8' });

/** Every page by its path, with its text. */
export const pages = [
  'README.md',
  ...documents.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
].map((name) => ({ name, text: readFileSync(new URL(name, ROOT), 'utf8') }));
