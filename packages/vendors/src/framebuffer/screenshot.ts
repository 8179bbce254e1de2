/**
 * Entry `@mediated/vendors/screenshot`: what a display shows, as a PNG. Called by clients of a device, on any thread;
 * it asks the device what any program can ask it, and belongs to no driver.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import type { Workqueue } from '@mediated/core/actor';
import type { DeviceFile } from '@mediated/vfio';
import {
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_REGION_INFO,
  DEVICE_QUERY_GFX_PLANE,
  DRM_FORMAT_XRGB8888,
  DRM_PLANE_TYPES,
  GFX_PLANE_FLAGS,
  GFX_PLANE_INFO_BYTES,
  gfxPlaneInfo,
  REGION_INFO_BYTES,
  regionInfo,
} from '@mediated/vfio/uapi';
import { encodePng, type Picture } from './encode-png.js';

type PlaneInfo = ReturnType<typeof gfxPlaneInfo.decode>;

export interface ScreenshotOptions {
  /**
   * Where the picture is encoded: the runtime's workqueue, `runtime.system.workqueue`. Default: the calling thread,
   * which takes about a hundred milliseconds per million pixels.
   */
  readonly workqueue?: Pick<Workqueue, 'run'>;
}

/**
 * The bytes of a PNG file with what the primary plane of an open device shows, in its own size. A picture that changes
 * meanwhile may be torn. Errors: ENOENT (nothing is shown), ENOTTY (the device has no display), EOPNOTSUPP (its pixels
 * are not XRGB8888), those of {@link Workqueue.run}, and what the device answers.
 */
export async function screenshot(file: DeviceFile, { workqueue }: ScreenshotOptions = {}): Promise<Uint8Array> {
  const picture = await takePicture(file);
  if (workqueue === undefined) return encodePng(picture);
  const module = new URL('./encode-png.js', import.meta.url).href;
  return workqueue.run<Uint8Array>({ module, export: 'encodePng', args: [picture] });
}

async function takePicture(file: DeviceFile): Promise<Picture> {
  const byRegion = await supports(file, GFX_PLANE_FLAGS.region);
  const plane = await queryPlane(file, byRegion ? GFX_PLANE_FLAGS.region : GFX_PLANE_FLAGS.dmabuf);
  const { width, height, stride, drm_format } = plane;
  if (width === 0 || height === 0) throw failed('ENOENT', 'the display shows nothing');
  if (drm_format !== DRM_FORMAT_XRGB8888) throw failed('EOPNOTSUPP', `pixel format 0x${drm_format.toString(16)}`);
  const length = stride * height;
  const pixels = byRegion ? await mapRegion(file, plane, length) : await mapDmaBuf(file, plane, length);
  return { pixels, width, height, stride };
}

async function supports(file: DeviceFile, where: number): Promise<boolean> {
  try {
    await query(file, GFX_PLANE_FLAGS.probe | where);
    return true;
  } catch (error) {
    if (isMediatedError(error, 'EINVAL')) return false;
    throw error;
  }
}

/** Asks twice: mbochs refuses the first question about a new mode, as its kernel does. */
async function queryPlane(file: DeviceFile, flags: number): Promise<PlaneInfo> {
  try {
    return await query(file, flags);
  } catch (error) {
    if (isMediatedError(error, 'ENOMEM')) return query(file, flags);
    throw error;
  }
}

async function query(file: DeviceFile, flags: number): Promise<PlaneInfo> {
  const argument = gfxPlaneInfo.bytes({ argsz: GFX_PLANE_INFO_BYTES, flags, drm_plane_type: DRM_PLANE_TYPES.primary });
  await file.ioctl(DEVICE_QUERY_GFX_PLANE, argument);
  return gfxPlaneInfo.decode(argument);
}

async function mapRegion(file: DeviceFile, plane: PlaneInfo, length: number): Promise<Uint8Array> {
  const argument = regionInfo.bytes({ argsz: REGION_INFO_BYTES, index: plane.region_index });
  await file.ioctl(DEVICE_GET_REGION_INFO, argument);
  return file.mmap(Number(regionInfo.decode(argument).offset), length, { write: false });
}

async function mapDmaBuf(file: DeviceFile, plane: PlaneInfo, length: number): Promise<Uint8Array> {
  const id = new Uint8Array(Uint32Array.of(plane.region_index).buffer);
  await using buffer = file.anonymous(await file.ioctl(DEVICE_GET_GFX_DMABUF, id));
  return buffer.mmap(0, length, { write: false });
}

function failed(code: 'ENOENT' | 'EOPNOTSUPP', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'screenshot' });
}
