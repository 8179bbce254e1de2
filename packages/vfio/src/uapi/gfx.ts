/**
 * Numbers and structures of the VFIO user API for displays: planes, dma-bufs, EDID (spec/vendors/common section 3).
 * Used by drivers that have a display and by clients that look at one.
 */
import { defineStruct } from './struct.js';

/** ioctl commands. The argument of the first is {@link gfxPlaneInfo}, of the second a u32: the id of a dma-buf. */
export const DEVICE_QUERY_GFX_PLANE = 0x3b72;
export const DEVICE_GET_GFX_DMABUF = 0x3b73;

/** Sizes are in bytes, positions in pixels. `region_index` and `dmabuf_id` are one field. */
export const gfxPlaneInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['drm_plane_type', 'u32'],
  ['drm_format', 'u32'],
  ['drm_format_mod', 'u64'],
  ['width', 'u32'],
  ['height', 'u32'],
  ['stride', 'u32'],
  ['size', 'u32'],
  ['x_pos', 'u32'],
  ['y_pos', 'u32'],
  ['x_hot', 'u32'],
  ['y_hot', 'u32'],
  ['region_index', 'u32'],
  ['reserved', 'u32'],
]);
/** Least bytes of {@link gfxPlaneInfo} that a driver accepts; it touches no more. */
export const GFX_PLANE_INFO_BYTES = 60;

/** Flags of {@link gfxPlaneInfo}: where a plane's pixels are asked for; `probe` asks whether they can be there. */
export const GFX_PLANE_FLAGS = { probe: 1, dmabuf: 2, region: 4 } as const;

/** `drm_plane_type` of {@link gfxPlaneInfo}. */
export const DRM_PLANE_TYPES = { overlay: 0, primary: 1, cursor: 2 } as const;

/** `drm_format` of 32-bit pixels: blue in the lowest byte, then green and red; the highest is not used. */
export const DRM_FORMAT_XRGB8888 = 0x34325258;

/** The registers at the beginning of an EDID region; the blob lies at `edid_offset` of the region. */
export const gfxEdid = defineStruct([
  ['edid_offset', 'u32'],
  ['edid_max_size', 'u32'],
  ['edid_size', 'u32'],
  ['max_xres', 'u32'],
  ['max_yres', 'u32'],
  ['link_state', 'u32'],
]);

/** `link_state` of {@link gfxEdid}. */
export const EDID_LINK_STATES = { up: 1, down: 2 } as const;

/** Capability that names the kind of a region that is none of the bus's own. */
export const regionTypeCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['type', 'u32'],
  ['subtype', 'u32'],
]);
/** `id` of {@link regionTypeCapability}. */
export const REGION_TYPE_CAPABILITY = 2;
/** `type` and `subtype` of a region with an EDID. */
export const REGION_TYPE_GFX = 1;
export const REGION_SUBTYPE_GFX_EDID = 1;
