/** bash walks through the mtty example of the kernel's documentation (vfio-mediated-device.rst) in the mounted tree. */
import { START_TIMEOUT, Stage, titled, whyNot } from '#dist/clients/stage.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const reason = whyNot();

describe.skipIf(reason !== undefined)(titled('bash and the mtty example', reason), () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.start();
  }, START_TIMEOUT);
  afterAll(async () => {
    expect(await stage.close()).toBe(0);
  }, START_TIMEOUT);
  const ok = async (script: string) => {
    const { status, stdout, stderr } = await stage.bash(script);
    expect([status, stderr], script).toEqual([0, '']);
    return stdout.trimEnd();
  };

  test('step 2: the card is there with its two types', async () => {
    expect(await ok('ls devices/virtual/mtty/mtty/mdev_supported_types')).toBe('mtty-1\nmtty-2');
    expect(
      (await ok('cd devices/virtual/mtty/mtty; find mdev_supported_types -mindepth 1 | sort')).split('\n'),
    ).toEqual(
      ['mtty-1', 'mtty-2'].flatMap((type) =>
        ['', '/available_instances', '/create', '/device_api', '/devices', '/name'].map(
          (file) => `mdev_supported_types/${type}${file}`,
        ),
      ),
    );
  });

  test('step 3: a UUID that is written to create is a device', async () => {
    await ok(`echo "${UUID}" > devices/virtual/mtty/mtty/mdev_supported_types/mtty-2/create`);
    const link = await ok(`ls -l bus/mdev/devices`);
    expect(link).toMatch(new RegExp(`${UUID} -> \\.\\./\\.\\./\\.\\./devices/virtual/mtty/mtty/${UUID}$`));
    expect(await ok(`cat bus/mdev/devices/${UUID}/vendor/sample_mdev_dev`)).toBe(`This is MDEV ${UUID}`);
    expect(await ok(`ls -l bus/mdev/devices/${UUID}/ | grep -o '[^ ]* -> .*'`)).toContain(
      'mdev_type -> ../mdev_supported_types/mtty-2',
    );
    expect(await ok('cat class/mdev_bus/mtty/mdev_supported_types/mtty-2/available_instances')).toBe('11');
  });

  test('a UUID that exists is refused in the words of the errno', async () => {
    const { status, stderr } = await stage.bash(
      `echo ${UUID} > class/mdev_bus/mtty/mdev_supported_types/mtty-1/create`,
    );
    expect([status, stderr]).toEqual([1, expect.stringContaining('write error: File exists')]);
  });

  test('what is no UUID is refused', async () => {
    const { status, stderr } = await stage.bash('echo hello > class/mdev_bus/mtty/mdev_supported_types/mtty-1/create');
    expect([status, stderr]).toEqual([1, expect.stringContaining('write error: Invalid argument')]);
  });

  test('modes bind root too', async () => {
    const { status, stderr } = await stage.bash('cat class/mdev_bus/mtty/mdev_supported_types/mtty-1/create');
    expect([status, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
  });

  test('step 8: a 1 that is written to remove takes the device away', async () => {
    await ok(`echo 1 > bus/mdev/devices/${UUID}/remove`);
    expect(await ok('ls bus/mdev/devices')).toBe('');
    expect(await ok('cat class/mdev_bus/mtty/mdev_supported_types/mtty-2/available_instances')).toBe('12');
    const { status, stderr } = await stage.bash(`echo 1 > bus/mdev/devices/${UUID}/remove`);
    expect([status, stderr]).toEqual([1, expect.stringContaining('No such file or directory')]);
  });
});
