/** A parrot, as a driver was written in 2016: it says what was said last. */
import { defineParentDriver } from '@mediated/vfio';

const EINVAL = 22;
const EBUSY = 16;

interface Parrot {
  words: Uint8Array;
  listeners: number;
}

export default defineParentDriver({
  name: 'parrot',
  deviceApi: 'vfio-platform',
  types: [{ sysfsName: 'grey' }],
  availableInstances: () => 4,
  operations: {
    create(mdev) {
      mdev.driverData = { words: new Uint8Array(0), listeners: 0 };
    },
    open: (mdev) => void (mdev.driverData as Parrot).listeners++,
    release: (mdev) => void (mdev.driverData as Parrot).listeners--,
    remove: (mdev) => ((mdev.driverData as Parrot).listeners > 0 ? -EBUSY : 0),
    read(mdev, into, position) {
      const rest = (mdev.driverData as Parrot).words.subarray(position, position + into.length);
      into.set(rest);
      return rest.length;
    },
    write(mdev, bytes, position) {
      if (position !== 0) return -EINVAL;
      (mdev.driverData as Parrot).words = bytes.slice();
      return bytes.length;
    },
  },
});
