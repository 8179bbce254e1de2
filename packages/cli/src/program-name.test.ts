/** How the program is called in what it says. */
import { programName } from '#dist/program-name.js';
import { expect, test } from 'vitest';

test('commands are called as the program was', () => {
  expect(programName({})).toBe('mediated');
  expect(programName({ npm_lifecycle_event: 'mediated' })).toBe('npx -y pnpm@12 mediated');
});
