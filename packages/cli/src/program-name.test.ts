/** How the program is called in what it says. */
import { programName } from '#dist/program-name.js';
import { expect, test } from 'vitest';

test('commands are called as the program was', () => {
  expect(programName({})).toBe('mediated');
  expect(programName({ npm_lifecycle_event: 'mediated' })).toBe('npx -y pnpm@12 mediated');
  for (const script of ["'mediated'", 'mediated', 'mediated up']) {
    expect(programName({ npm_lifecycle_event: 'npx', npm_lifecycle_script: script })).toBe('npx mediated');
  }
  // Another program that calls this one by itself.
  expect(programName({ npm_lifecycle_event: 'npx', npm_lifecycle_script: "'vitest'" })).toBe('mediated');
});
