/** Containers and groups (spec/vfio-core sections 7, 8 and 21). What a container maps is in `iommu.ts`. */
import { defineStruct } from './struct.js';

/** ioctl commands on a container. The argument of the second and third is a number of `EXTENSIONS` (`iommu.ts`). */
export const GET_API_VERSION = 0x3b64;
export const CHECK_EXTENSION = 0x3b65;
export const SET_IOMMU = 0x3b66;

/** What GET_API_VERSION answers. */
export const API_VERSION = 0;

/** ioctl commands on a group. SET_CONTAINER takes a descriptor (s32), GET_DEVICE_FD the device's name, ended by NUL. */
export const GROUP_GET_STATUS = 0x3b67;
export const GROUP_SET_CONTAINER = 0x3b68;
export const GROUP_UNSET_CONTAINER = 0x3b69;
export const GROUP_GET_DEVICE_FD = 0x3b6a;

export const groupStatus = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
]);
/** Flags of {@link groupStatus}. */
export const GROUP_FLAGS = { viable: 1, containerSet: 2 } as const;
