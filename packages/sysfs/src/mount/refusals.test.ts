import { expect, test } from 'vitest';
import { refusedBy, withoutDevice } from '#dist/mount/refusals.js';

const failed = (code: string) => Object.assign(new Error(code), { code });

test.runIf(process.platform === 'linux').each([
  [withoutDevice(failed('ENOENT')), 'ENODEV', /no \/dev\/fuse/],
  [withoutDevice(failed('EACCES')), 'EACCES', /may not open \/dev\/fuse/],
  [refusedBy('mount: /x: permission denied.'), 'EPERM', /unshare -Urm/],
  [refusedBy('mount: /x: must be superuser to use mount.'), 'EPERM', /root/],
  [refusedBy('mount: /x: wrong fs type\nmore'), 'EINVAL', /"mount: \/x: wrong fs type"/],
])('%s is %s: what is missing and what works, in one sentence', (error, code, missing) => {
  expect(error).toMatchObject({ code, syscall: 'mount' });
  expect(error.message).toMatch(missing);
  expect(error.message).toMatch(/attributeDirectory/);
  expect(error.message).not.toMatch(/\n/);
});
