/** What recorded steps are taken for, by their words. */
import { actionOf } from '#dist/oracle/action.js';
import { describe, expect, test } from 'vitest';

const REMOVE = '/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa0001/remove';

describe('steps', () => {
  test.each([
    [
      { op: 'write', path: REMOVE, data: '1', stage: 'write' },
      'a',
      { kind: 'write', file: { by: 'path', path: REMOVE } },
    ],
    [{ op: 'write', path: REMOVE, data: '1' }, 'second write on the same fd', { file: { by: 'kept', which: 'same' } }],
    [{ op: 'write', path: REMOVE, data: '1' }, 'write on another fd opened before', { file: { which: 'another' } }],
    [
      { op: 'write', path: 'remove', data: '1', stage: 'write' },
      'from inside',
      { file: { by: 'device', name: 'remove' } },
    ],
    [{ op: 'write', data: 'x' }, 'create through an fd opened before', { file: { by: 'old', name: 'create' } }],
    [{ op: 'write' }, 'create by path after rmmod', { file: { by: 'lost', name: 'create' } }],
    [{ op: 'write', path: REMOVE }, "'1' + 9 NULs", { bytes: Buffer.from('1\0\0\0\0\0\0\0\0\0') }],
    [{ op: 'pwrite', path: REMOVE, data: '1' }, 'pwrite at offset -1', { kind: 'skip' }],
    [{ op: 'write', path: REMOVE }, 'NULL buffer len 36', { kind: 'skip' }],
    [{ op: 'write', path: REMOVE, data: '1', stage: 'open' }, 'remove as uid 1000', { kind: 'skip' }],
    [{ op: 'open', path: REMOVE }, 'open remove O_RDWR', { kind: 'open', access: 'read-write' }],
    [{ op: 'open', path: REMOVE }, 'open remove O_WRONLY|O_TRUNC', { kind: 'open', access: 'write' }],
    [{ op: 'readlink' }, 'after unbind: readlink mdev_type', { kind: 'readLink', name: 'mdev_type' }],
    [{ op: 'delete_module' }, 'mtty with a device fd open', { kind: 'rmmod', module: 'mtty', files: 'open' }],
    [{ op: 'delete_module' }, 'mdev while vendor drivers are loaded', { kind: 'skip' }],
    [{ op: 'finit_module' }, 'mbochs twice', { kind: 'insmod', module: 'mbochs' }],
    [{ op: 'write(background)', data: '1', ret: 'blocked' }, '1.5 s after write', { kind: 'writer', opened: true }],
    [{ op: 'write(background)', data: '1', ret: 1 }, 'remove with no device fd', { kind: 'writer', opened: false }],
    [{ op: 'write(background)', ret: 36 }, 'after close: unbind result', { kind: 'writerResult', writer: 'unbind' }],
    [{ op: 'close', ret: 'blocked' }, 'after close of the group fd too', { kind: 'closeOther' }],
    [{ op: 'close', ret: 1 }, 'device fd closed', { kind: 'closeDevice' }],
    [{ op: 'ioctl', ret: 0 }, 'meanwhile: GET_INFO', { kind: 'deviceInfo' }],
    [{ op: 'ioctl', ret: 0 }, 'GET_DEVICE_FD on the old group fd', { kind: 'command', command: 'device' }],
    [{ op: 'ioctl', ret: 0 }, 'container: IOMMU_GET_INFO afterwards', { kind: 'command', command: 'info' }],
    [{ op: 'close', ret: 'blocked' }, 'after close of the container fd only', { which: 'container' }],
    [{ op: 'stat', ret: -2 }, 'stat /dev/vfio/N', { kind: 'openNode' }],
    [{ op: 'kill', ret: 'blocked' }, 'after SIGINT to the writer', { kind: 'signal' }],
  ])('%o %s', (fields, words, action) => {
    expect(actionOf({ ...fields, case: `topic/${words}` })).toMatchObject(action);
  });
});
