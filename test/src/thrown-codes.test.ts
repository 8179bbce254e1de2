/** docs/troubleshooting.md has every error code that the packages answer with, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import { ROOT } from '#dist/pages.js';
import { expect, test } from 'vitest';

const PACKAGES = new URL('packages/', ROOT);
/** A code as it stands in the sources: quoted, or as a number by its name. */
const CODE = /'(E[A-Z0-9]{2,})'|\bERRNO\.(E[A-Z0-9]+)/g;
/** Comments, and codes that are only compared with. */
const ASIDE = /\/\*[\s\S]*?\*\/|\/\/.*|[!=]==\s*-?(?:ERRNO\.|')E[A-Z0-9]+'?|isMediatedError\([^)]*\)/gm;

/** Each code that the packages' sources answer with, with a file that does. */
function answered(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(PACKAGES, { recursive: true, encoding: 'utf8' })) {
    if (!/^[^/]+\/src\/.*\.ts$/.test(file) || /\.(test|fixture)\.ts$|\/errno\.ts$/.test(file)) continue;
    const source = readFileSync(new URL(file, PACKAGES), 'utf8').replaceAll(ASIDE, '');
    for (const [, quoted, numbered] of source.matchAll(CODE)) found.set(quoted ?? numbered, file);
  }
  return found;
}

const page = readFileSync(new URL('docs/troubleshooting.md', ROOT), 'utf8');
const told = [...page.matchAll(/^\| (E[A-Z0-9]+) \|/gm)].map(([, code]) => code);

test('each code that a package answers with has its cause and cure on the page', () => {
  expect([...answered()].filter(([code]) => !told.includes(code))).toEqual([]);
});

test('each code on the page is one that a package answers with, once and in order', () => {
  const codes = answered();
  expect(told.filter((code) => !codes.has(code))).toEqual([]);
  expect(told).toEqual([...new Set(told)].sort());
});
