import { expect, test } from 'vitest';
import { mountTable, parseMountTable } from '#dist/mount/mount-table.js';

test('places, kinds and sources, blanks among them', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw',
    '90 22 0:45 / /tmp/a\\040b\\134c rw,nosuid - fuse.mediated mediated-1a rw,user_id=0',
  ].join('\n');
  expect(parseMountTable(`${text}\n`)).toEqual([
    { path: '/', kind: 'ext4', source: '/dev/root' },
    { path: '/tmp/a b\\c', kind: 'fuse.mediated', source: 'mediated-1a' },
  ]);
});

test('lines that are none are no reason to fail', () => {
  expect(parseMountTable('nonsense\n - \n')).toHaveLength(2);
});

test('this machine has a root', () => {
  expect(mountTable().some(({ path }) => path === '/')).toBe(true);
});
