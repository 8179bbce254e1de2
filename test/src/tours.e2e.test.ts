/** Every tour is a program that runs, and prints what a page says it prints. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BUILT_TOURS, pages, TOURS } from '#dist/pages.js';

describe('every tour prints what a page says', () => {
  const outputs = pages.flatMap(({ text }) => [
    ...text.matchAll(/^<!-- what (\S+) prints -->\n```text\n([\s\S]*?)^```/gm),
  ]);
  const programs = readdirSync(TOURS)
    .filter((file) => !readFileSync(new URL(file, TOURS), 'utf8').includes('export '))
    .map((file) => file.replace('.fixture.ts', ''));

  test.each(programs)('%s', async (program) => {
    const [, , said] = outputs.find(([, name]) => name === program) ?? [];
    const built = fileURLToPath(new URL(`${program}.fixture.js`, BUILT_TOURS));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [built]);
    expect(stderr).toBe('');
    expect(stdout).toBe(said);
  });
});
