/**
 * A driver of the 2016 interface for tests: a byte of memory per device, every callback noted in `journal` (read with the
 * ioctl JOURNAL), with a budget of two devices that it counts by itself. Types: `good`; `bad`, whose create fails;
 * `clingy`, which does not let go of a device in use. The test shares `options.removals`: how often `remove` was called.
 */
import { type MediatedDevice, defineParentDriver } from '@mediated/vfio';

/** Commands. */
export const JOURNAL = 1;
export const REFUSE = 2;

const EBUSY = 16;
const EIO = 5;
const ENOTTY = 25;
const ENOSPC = 28;
const MAX_FILES = 3;

interface State {
  readonly memory: SharedArrayBuffer;
  files: number;
}

const stateOf = (mdev: MediatedDevice) => mdev.driverData as State;

export default defineParentDriver({
  name: 'counting',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'good' }, { sysfsName: 'bad' }, { sysfsName: 'clingy' }],
  availableInstances: () => 7,
  description: (type) => `${type.sysfsName} one`,
  shared: { devices: { budget: 2 } },
  attributes: [
    {
      path: 'counting/files',
      show: (mdev) => `${stateOf(mdev).files}\n`,
    },
  ],
  operations({ shared: { devices }, options }) {
    const { removals } = options as { removals: Int32Array };
    const journal: string[] = [];
    const note = (callback: string, { uuid }: MediatedDevice) => journal.push(`${callback} ${uuid.slice(0, 8)}`);
    return {
      async create(mdev) {
        if (mdev.type.sysfsName === 'bad') return -EIO;
        if (!devices.tryAcquire(1)) return -ENOSPC;
        note('create', mdev);
        mdev.driverData = { memory: new SharedArrayBuffer(8), files: 0 };
      },
      remove(mdev) {
        Atomics.add(removals, 0, 1);
        if (mdev.type.sysfsName === 'clingy' && stateOf(mdev).files > 0) return -EBUSY;
        note('remove', mdev);
        devices.release(1);
        return 0;
      },
      open(mdev) {
        if (stateOf(mdev).files === MAX_FILES) return -EBUSY;
        stateOf(mdev).files++;
        note('open', mdev);
        return 0;
      },
      release(mdev) {
        stateOf(mdev).files--;
        note('release', mdev);
      },
      read(mdev, into, position) {
        if (position > 8) return -EIO;
        into.set(new Uint8Array(stateOf(mdev).memory).subarray(position, position + into.length));
        return Math.min(into.length, 8 - position);
      },
      async write(mdev, bytes, position) {
        new Uint8Array(stateOf(mdev).memory).set(bytes, position);
        return bytes.length;
      },
      ioctl(_mdev, command, argument) {
        if (command === REFUSE) {
          argument.reverse();
          return -ENOSPC;
        }
        if (command !== JOURNAL) return -ENOTTY;
        new TextEncoder().encodeInto(journal.splice(0).join('\n'), argument);
        return 0;
      },
      mmap: (mdev, offset, length) => (offset === 0 ? new Uint8Array(stateOf(mdev).memory, 0, length) : -EIO),
    };
  },
});
