/** Where control sockets may be. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertPrivate, controlFolder, isOwnSocket, makePrivateFolder, socketPath } from '#dist/control/place.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mediated-place-'));
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

describe('the folder of control sockets', () => {
  test('is in XDG_RUNTIME_DIR, or one per user in the folder for temporary files', () => {
    expect(controlFolder({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/mediated');
    const own = join(tmpdir(), `mediated-${process.getuid?.()}`);
    expect(controlFolder({})).toBe(own);
    expect(controlFolder({ XDG_RUNTIME_DIR: 'relative' })).toBe(own);
  });

  test('is made for its owner alone', () => {
    const folder = join(base, 'a', 'mediated');
    makePrivateFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    makePrivateFolder(folder);
  });

  test.each([
    ['is open to a group', 0o710],
    ['is open to everybody', 0o707],
  ])('that %s is not used', (_why, mode) => {
    chmodSync(base, mode);
    expect(() => assertPrivate(base)).toThrow(/lets other users in.*chmod 700/);
  });

  test('that is a link, a file or missing is not used', () => {
    mkdirSync(join(base, 'folder'), { mode: 0o700 });
    symlinkSync(join(base, 'folder'), join(base, 'link'));
    writeFileSync(join(base, 'file'), '');
    expect(() => assertPrivate(join(base, 'link'))).toThrow('is no folder');
    expect(() => assertPrivate(join(base, 'file'))).toThrow('is no folder');
    expect(() => assertPrivate(join(base, 'missing'))).toThrow('there is no');
    expect(isOwnSocket(join(base, 'file'))).toBe(false);
  });

  test('that cannot be made, or looked into, is told so in a sentence', () => {
    writeFileSync(join(base, 'file'), '');
    expect(() => makePrivateFolder(join(base, 'file', 'x'))).toThrow(/cannot be made \(ENOTDIR\); set XDG/);
    expect(() => makePrivateFolder(join(base, 'file'))).toThrow('is no folder');
    expect(isOwnSocket(join(base, 'file', 'x.sock'))).toBe(false);
  });

  test.runIf(process.getuid?.() === 0)('that belongs to somebody else is not used', async () => {
    const { chownSync } = await import('node:fs');
    chownSync(base, 12_345, 12_345);
    expect(() => assertPrivate(base)).toThrow('belongs to another user (12345)');
  });
});

describe('the name of an instance', () => {
  test('is a file in the folder', () => {
    expect(socketPath('a-b_c.1', '/run')).toBe('/run/a-b_c.1.sock');
  });

  test.each(['', '.', '..', '../x', 'a/b', '.hidden', 'x'.repeat(33), 'a b', 'a\0'])('is not %j', (name) => {
    expect(() => socketPath(name, '/run')).toThrow('is no name for an instance');
  });

  test('is refused where the path would be too long for a socket', () => {
    expect(() => socketPath('default', `/${'x'.repeat(100)}`)).toThrow('XDG_RUNTIME_DIR');
  });
});
