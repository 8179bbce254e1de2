/** Another user of the machine, for the tests of what only the owner of an instance may do. */
import { spawnSync } from 'node:child_process';
import { MAIN } from './programs.fixture.js';

/** Nobody: owns nothing. */
export const STRANGER = 65_534;

/** Why the program cannot be run as the stranger; undefined: it can. */
export const NO_STRANGER = whyNot();

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can become another user';
  const script = `require('node:fs').accessSync(${JSON.stringify(MAIN)})`;
  if (spawnSync(process.execPath, ['-e', script], { uid: STRANGER }).status === 0) return undefined;
  return `another user may not read ${MAIN}: the checkout lies in a folder that is its owner's alone`;
}
