/** lspci and driverctl of Debian 12, on the PCI functions of the mounted tree. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { START_TIMEOUT, Stage, titled, whyNot } from '#dist/clients/stage.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const EVERY_DRIVER = new URL('../../../packages/cli/examples/every-driver.json', import.meta.url);
const reason = whyNot('bookworm');

describe.skipIf(reason !== undefined)(titled('PCI tools', reason), () => {
  let stage: Stage;
  let folder = '';
  beforeAll(async () => {
    const every = JSON.parse(readFileSync(EVERY_DRIVER, 'utf8')) as { pci: unknown[] };
    const card = { name: '0000:05:00.0', vendor: '0x8086', device: '0x10d3', class: '0x020000', driver: 'e1000e' };
    folder = mkdtempSync(join(tmpdir(), 'mediated-pci-'));
    const file = join(folder, 'configuration.json');
    writeFileSync(file, JSON.stringify({ ...every, pci: [...every.pci, card] }));
    stage = await Stage.start('--config', file);
  }, START_TIMEOUT);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    expect(await stage.close()).toBe(0);
  }, START_TIMEOUT);

  test('lspci names the functions, their classes and drivers', async () => {
    const { status, stdout } = await stage.run('bookworm', ['lspci', '-A', 'linux-sysfs', '-nnk']);
    expect(status).toBe(0);
    const functions = stdout.split('\n').filter((line) => /^[0-9a-f]/.test(line));
    expect(functions).toEqual([
      expect.stringMatching(/^00:02\.0 VGA compatible controller \[0300\]: Intel .* \[8086:1912\]$/),
      expect.stringMatching(/^05:00\.0 Ethernet controller \[0200\]: Intel .* \[8086:10d3\]$/),
      expect.stringMatching(/^3b:00\.0 3D controller \[0302\]: NVIDIA .*T4.* \[10de:1eb8\]$/),
      expect.stringMatching(/^41:00\.0 3D controller \[0302\]: NVIDIA .*A100.* \[10de:20f1\]$/),
      ...[4, 5, 6, 7].map((bus) =>
        expect.stringMatching(new RegExp(`^8${bus}:00\\.0 VGA compatible controller .*M10.* \\[10de:13bd\\]$`)),
      ),
    ]);
    expect(stdout.match(/Kernel driver in use: nvidia$/gm)).toHaveLength(6);
    expect(stdout.match(/Kernel driver in use: i915$/gm)).toHaveLength(1);
  });

  test('lspci -x reads the whole configuration space', async () => {
    const { status, stdout } = await stage.run('bookworm', ['lspci', '-A', 'linux-sysfs', '-xxx', '-s', '41:00.0']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^00: de 10 f1 20 /m);
    expect(stdout.match(/^[0-9a-f]{2}: /gm)).toHaveLength(16);
  });

  test('driverctl lists functions with their drivers', async () => {
    const { status, stdout } = await stage.run('bookworm', ['driverctl', 'list-devices']);
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toEqual([
      '0000:00:02.0 i915',
      '0000:05:00.0 e1000e',
      ...['3b', '41', '84', '85', '86', '87'].map((bus) => `0000:${bus}:00.0 nvidia`),
    ]);
  });

  test('driverctl takes a function from its driver and gives it back', async () => {
    const driverctl = (...words: string[]) => stage.run('bookworm', ['driverctl', '--nosave', ...words]);
    const file = 'bus/pci/devices/0000:05:00.0/driver_override';
    expect(await driverctl('set-override', '0000:05:00.0', 'none')).toMatchObject({ status: 0, stderr: '' });
    expect((await stage.bash(`cat ${file}; ls bus/pci/devices/0000:05:00.0/driver`)).stdout).toBe('none\n');
    expect((await driverctl('list-devices')).stdout).toContain('0000:05:00.0 (none) [*]');
    expect(await driverctl('unset-override', '0000:05:00.0')).toMatchObject({ status: 0, stderr: '' });
    expect((await driverctl('list-devices')).stdout).toContain('0000:05:00.0 e1000e\n');
  });
});
