/**
 * A program that mounts a tree, prints where and then does what its first argument says: `exit`, `throw`, `stay`, or `stale`,
 * which leaves a mount behind that nobody serves. The second argument is the place.
 */
import { openSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { Runtime } from '@mediated/core';
import { mountSysfs } from '@mediated/sysfs';
import { patientUrl } from './stage.fixture.js';

const [, , what, at] = process.argv;

if (what === 'stale') {
  const descriptor = openSync('/dev/fuse', 'r+');
  const options = `fd=3,rootmode=40000,user_id=${process.getuid?.()},group_id=${process.getgid?.()}`;
  const args = ['-i', '-t', 'fuse.mediated', '-o', options, 'mediated-stale', at];
  const { status } = spawnSync('mount', args, { stdio: ['ignore', 'inherit', 'inherit', descriptor] });
  process.exit(status ?? 1);
}

const runtime = Runtime.start();
await runtime.loadDriver(patientUrl, { parents: [{ name: 'p' }] });
const mount = await mountSysfs(runtime, at === undefined ? {} : { at });
process.stdout.write(`${mount.path}\n`, () => {
  if (what === 'exit') process.exit(0);
  if (what === 'throw') throw new Error('as expected');
});
