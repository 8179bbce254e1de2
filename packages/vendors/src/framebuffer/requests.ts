/**
 * The ioctls that the sample displays answer alike. Called by their drivers with an ioctl's argument, which they change
 * as the caller gets it back; pure.
 */
import { MediatedError } from '@mediated/core';
import {
  DEVICE_FLAGS,
  DEVICE_INFO_BYTES,
  deviceInfo,
  GFX_PLANE_FLAGS,
  GFX_PLANE_INFO_BYTES,
  gfxPlaneInfo,
  IRQ_INFO_BYTES,
  irqInfo,
  PCI_IRQS,
  readArgument,
} from '@mediated/vfio/uapi';

/** VFIO_DEVICE_GET_INFO. RESET is not among the flags although it is accepted (quirk). */
export function answerDeviceInfo(argument: Uint8Array, regions: number): void {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  deviceInfo.encode(argument, { flags: DEVICE_FLAGS.pci, num_regions: regions, num_irqs: PCI_IRQS.count });
}

/** VFIO_DEVICE_GET_IRQ_INFO: of `indexes` interrupt indexes none has an interrupt. The flags stay the caller's (quirk). */
export function answerIrqInfo(argument: Uint8Array, indexes: number): void {
  const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
  if (index >= indexes) throw refused('EINVAL', `no interrupt ${index}`);
  irqInfo.encode(argument, { count: 0 });
}

/** A plane that can be shown. Sizes in bytes; `place` is the region's index or the dma-buf's id. */
export interface Plane {
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly size: number;
  readonly place: number;
}

/** What a query answers for a plane on which nothing is shown. */
export const NO_PLANE: Plane = { format: 0, width: 0, height: 0, stride: 0, size: 0, place: 0 };

/**
 * VFIO_DEVICE_QUERY_GFX_PLANE of a display whose pixels are in a `region` or in a `dmabuf`. `find` gives the plane of a
 * type; what it throws leaves the argument as it was. Errors: EFAULT, EINVAL (argsz, other flags).
 */
export function answerPlane(argument: Uint8Array, where: 'region' | 'dmabuf', find: (type: number) => Plane): void {
  const { flags, drm_plane_type } = readArgument(gfxPlaneInfo, argument, GFX_PLANE_INFO_BYTES);
  if (flags === (GFX_PLANE_FLAGS.probe | GFX_PLANE_FLAGS[where])) return;
  if (flags !== GFX_PLANE_FLAGS[where]) throw refused('EINVAL', `a plane is asked for with flags ${flags}`);
  const { format, width, height, stride, size, place } = find(drm_plane_type);
  gfxPlaneInfo.encode(argument, {
    drm_format: format,
    drm_format_mod: 0n,
    width,
    height,
    stride,
    size,
    x_pos: 0,
    y_pos: 0,
    x_hot: 0,
    y_hot: 0,
    region_index: place,
  });
}

/** The error of a refused request. */
export function refused(
  code: 'EACCES' | 'EFAULT' | 'EINVAL' | 'ENOENT' | 'ENOMEM' | 'ENOTTY',
  message: string,
  syscall: 'ioctl' | 'mmap' = 'ioctl',
): MediatedError {
  return new MediatedError(code, message, { syscall });
}
