/**
 * What stands in for an IOMMU in containers of groups without one (spec/vfio-core 8.6): it lets devices be opened and
 * maps nothing. Private to the control thread.
 */
import { MediatedError } from '@mediated/core';
import { EXTENSIONS } from '../uapi/iommu.js';
import type { IommuDriver, IommuDriverKind } from './iommu-driver.js';

const extension = (asked: number) => (asked === EXTENSIONS.noIommu ? 1 : 0);

const driver: IommuDriver = {
  checkExtension: extension,
  attachGroup() {},
  detachGroup() {},
  ioctl(command) {
    throw new MediatedError('ENOTTY', `command 0x${command.toString(16)}: there is no IOMMU`, { syscall: 'ioctl' });
  },
  beginUse: () => undefined,
  endUse() {},
  ownerDied() {},
  release() {},
};

export const noIommuKind: IommuDriverKind = {
  noIommu: true,
  extension,
  open(type, privileged) {
    if (type !== EXTENSIONS.noIommu) {
      throw new MediatedError('EINVAL', `${type} is not the type for no IOMMU`, { syscall: 'SET_IOMMU' });
    }
    if (privileged) return driver;
    throw new MediatedError('EPERM', 'use without an IOMMU takes the right to raw I/O', { syscall: 'SET_IOMMU' });
  },
};
