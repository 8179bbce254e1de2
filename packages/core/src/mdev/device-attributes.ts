/**
 * The directory of an mdev (spec/mdev-core sections 6 and 8.1): `remove`, `uevent`, the vendor's attributes while it is
 * bound, and its links.
 */
import { MediatedError } from '../errors.js';
import type { Attribute } from './attribute.js';
import { AttributeDirectory } from './attribute-directory.js';
import type { Mdev } from './mdev.js';
import type { AttributeInfo } from './parent-protocol.js';
import { parseSyntheticUevent } from './synthetic-uevent.js';
import { typePath } from './type-attributes.js';
import { parseUnsigned } from './unsigned.js';

/** The directory of a device, for just this life of it. */
export function deviceDirectory(mdev: Mdev): AttributeDirectory {
  const { parent } = mdev;
  return new AttributeDirectory({
    path: `${parent.path}/${mdev.uuid}`,
    exists: () => mdev.presence.directory,
    async attributes() {
      const own: Attribute[] = [
        { path: 'remove', mode: 0o200, alive: () => mdev.presence.remove, store: (bytes) => storeRemove(mdev, bytes) },
        {
          path: 'uevent',
          mode: 0o644,
          alive: () => mdev.presence.bus,
          show: () => (mdev.presence.driver ? `DRIVER=${parent.driver}\n` : ''),
          store: (bytes) => mdev.synthesize(parseSyntheticUevent(bytes)),
        },
      ];
      return mdev.presence.driver
        ? [...own, ...(await parent.attributes()).map((info) => vendorAttribute(mdev, info))]
        : own;
    },
    links() {
      const { bus, driver, links } = mdev.presence;
      const group = mdev.group;
      const found: [string, string][] = [];
      if (bus) found.push(['subsystem', '/bus/mdev']);
      if (driver) found.push(['driver', `/bus/mdev/drivers/${parent.driver}`]);
      if (links) found.push(['mdev_type', typePath(parent, parent.type(mdev.type))]);
      if (group !== undefined) found.push(['iommu_group', `/kernel/iommu_groups/${group}`]);
      return found;
    },
  });
}

/** A number that is not zero removes; the file is claimed by the first who writes one (section 8.1). */
async function storeRemove(mdev: Mdev, bytes: Buffer): Promise<void> {
  const value = parseUnsigned(bytes.toString('latin1'));
  if (value === undefined) {
    throw new MediatedError(
      'EINVAL',
      `${JSON.stringify(bytes.toString('latin1', 0, 32))} is no number; write 1 to remove`,
      {
        syscall: 'remove',
      },
    );
  }
  if (value !== 0n) await mdev.storeRemove();
}

function vendorAttribute(mdev: Mdev, { path, mode }: AttributeInfo): Attribute {
  // No rebinding: an unbound device's vendor files are gone for good.
  const alive = () => mdev.presence.driver;
  const whileAlive = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      if (alive()) throw error;
      throw new MediatedError('ENODEV', `${path} is gone with its device`, { cause: error });
    }
  };
  return {
    path,
    mode,
    alive,
    ...((mode & 0o400) === 0 ? {} : { show: () => whileAlive(mdev.showAttribute(path)) }),
    ...((mode & 0o200) === 0
      ? {}
      : { store: (bytes: Buffer) => whileAlive(mdev.storeAttribute(path, bytes.toString())) }),
  };
}
