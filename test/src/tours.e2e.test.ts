/** Every tour is a program that runs, and prints what a page says it prints. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BUILT_TOURS, outputs, programs } from '#dist/pages.js';

describe('every tour prints what a page says', () => {
  test.each(programs)('%s', async (program) => {
    const built = fileURLToPath(new URL(`${program}.fixture.js`, BUILT_TOURS));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [built]);
    expect(stderr).toBe('');
    expect(stdout).toBe(outputs.get(program));
  });
});
