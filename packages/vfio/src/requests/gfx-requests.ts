/** Displays: planes and dma-bufs (spec/vendors/common section 3). */
import {
  DEVICE_GET_GFX_DMABUF,
  DEVICE_QUERY_GFX_PLANE,
  DRM_PLANE_TYPES,
  GFX_PLANE_FLAGS,
  gfxPlaneInfo,
} from '../uapi/gfx.js';
import type { ValuesOfStruct } from '../uapi/struct.js';
import type { Conversation } from './conversation.js';

/** Where the pixels of a plane are asked for. */
export type GfxPlaneKind = 'dmabuf' | 'region';

/** A plane, by the names of the user API: sizes in bytes, positions and lengths in pixels. */
export type GfxPlane = Omit<ValuesOfStruct<typeof gfxPlaneInfo>, 'argsz' | 'reserved'>;

/** Can the device show its plane this way? EINVAL: not. */
export function* probeGfxPlaneRequest(kind: GfxPlaneKind): Conversation<void> {
  const flags = GFX_PLANE_FLAGS.probe | GFX_PLANE_FLAGS[kind];
  yield { command: DEVICE_QUERY_GFX_PLANE, argument: gfxPlaneInfo.bytes({ argsz: gfxPlaneInfo.size, flags }) };
}

/** `planeType`: one of `DRM_PLANE_TYPES`. */
export function* gfxPlaneRequest(
  kind: GfxPlaneKind,
  planeType: number = DRM_PLANE_TYPES.primary,
): Conversation<GfxPlane> {
  const argument = gfxPlaneInfo.bytes({
    argsz: gfxPlaneInfo.size,
    flags: GFX_PLANE_FLAGS[kind],
    drm_plane_type: planeType,
  });
  yield { command: DEVICE_QUERY_GFX_PLANE, argument };
  const { argsz: _, reserved: __, ...plane } = gfxPlaneInfo.decode(argument);
  return plane;
}

/** The number of the file of a dma-buf, whose id stands in `region_index` of its plane. */
export function* gfxDmaBufRequest(id: number): Conversation<number> {
  return yield { command: DEVICE_GET_GFX_DMABUF, argument: new Uint8Array(Uint32Array.of(id).buffer) };
}
