/**
 * What a vGPU's guest shows, as dma-bufs (gvt section 8). Which plane shows what is the driver's business, by a hook.
 * Called by the vGPU on the device's thread.
 */
import { MediatedError } from '@mediated/core';
import type { AnonymousFile, IoctlCall } from '@mediated/vfio';
import {
  DRM_PLANE_TYPES,
  GFX_PLANE_FLAGS,
  GFX_PLANE_INFO_BYTES,
  gfxPlaneInfo,
  readArgument,
} from '@mediated/vfio/uapi';
import { DmaBuf } from '../framebuffer/dma-buf.js';
import { PAGE_BYTES } from './hardware.js';

const UNKNOWN = 0xffffffff;
const ID_BYTES = 4;

/** A plane that is shown. Strides in bytes, positions in pixels. */
export interface ShownPlane {
  /** Address in graphics memory. */
  readonly address: number;
  /** DRM's code of the format, and its modifier. */
  readonly format: number;
  readonly modifier?: bigint;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly x?: number;
  readonly y?: number;
  /** Of a cursor. */
  readonly hotX?: number;
  readonly hotY?: number;
}

/** What is shown on a plane; undefined: it is not enabled. */
export type FindPlane = (type: 'primary' | 'cursor') => ShownPlane | undefined;

/** The memory behind an address: a buffer, and where in it; undefined outside the vGPU's own. */
export type FindMemory = (address: number, size: number) => { buffer: SharedArrayBuffer; offset: number } | undefined;

interface Picture {
  readonly id: number;
  readonly key: string;
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly size: number;
  /** Open files, and one between a query and the get that follows. */
  references: number;
  fresh: boolean;
}

export class GvtPlanes {
  readonly #byId = new Map<number, Picture>();
  readonly #findPlane: FindPlane;
  readonly #findMemory: FindMemory;

  constructor(findPlane: FindPlane, findMemory: FindMemory) {
    this.#findPlane = findPlane;
    this.#findMemory = findMemory;
  }

  /** How many pictures have an id. */
  get size(): number {
    return this.#byId.size;
  }

  /** QUERY_GFX_PLANE. Errors: EINVAL (flags, plane, nothing in it), EFAULT (not in the vGPU's memory, not at a page). */
  query(argument: Uint8Array): void {
    const { flags, drm_plane_type } = readArgument(gfxPlaneInfo, argument, GFX_PLANE_INFO_BYTES);
    if (flags === (GFX_PLANE_FLAGS.dmabuf | GFX_PLANE_FLAGS.probe)) return;
    if (flags !== GFX_PLANE_FLAGS.dmabuf) throw refused('EINVAL', `a plane is asked for with flags ${flags}`);
    const { primary, cursor } = DRM_PLANE_TYPES;
    if (drm_plane_type !== primary && drm_plane_type !== cursor) throw refused('EINVAL', `no plane ${drm_plane_type}`);
    const plane = this.#findPlane(drm_plane_type === primary ? 'primary' : 'cursor');
    if (plane === undefined) return;
    const { format, modifier = 0n, width, height, stride, x = 0, y = 0, hotX = UNKNOWN, hotY = UNKNOWN } = plane;
    const size = stride * height;
    if (size === 0) throw refused('EINVAL', 'there is nothing in the framebuffer');
    const { id } = this.#picture(plane, size);
    gfxPlaneInfo.encode(argument.subarray(0, GFX_PLANE_INFO_BYTES), {
      ...{ drm_format: format, drm_format_mod: modifier, width, height, stride, size },
      ...{ x_pos: x, y_pos: y, x_hot: hotX, y_hot: hotY, region_index: id },
    });
  }

  /** GET_GFX_DMABUF: the number of a new file. EINVAL: no such picture. */
  get(argument: Uint8Array, call: IoctlCall): number {
    if (argument.length < ID_BYTES) throw refused('EFAULT', `an id of ${ID_BYTES} bytes is read`);
    const picture = this.#byId.get(new DataView(argument.buffer, argument.byteOffset).getUint32(0, true));
    if (picture === undefined) throw refused('EINVAL', 'no picture has this id');
    const file = call.openFile(this.#file(picture));
    // The file's reference takes the place of the one that kept the picture since the query.
    if (picture.fresh) picture.fresh = false;
    else picture.references++;
    return file;
  }

  /** The device is closed: its pictures lose their ids, open files stay good. */
  orphan(): void {
    this.#byId.clear();
  }

  #picture(plane: ShownPlane, size: number): Picture {
    const { address, format, modifier = 0n, width, height } = plane;
    const memory = address % PAGE_BYTES === 0 ? this.#findMemory(address, size) : undefined;
    if (memory === undefined) throw refused('EFAULT', `no picture of ${size} bytes at ${address}`);
    const key = [address, size, modifier, format, width, height].join(' ');
    for (const known of this.#byId.values()) {
      if (known.key !== key) continue;
      if (!known.fresh) known.references++;
      known.fresh = true;
      return known;
    }
    let id = 1;
    while (this.#byId.has(id)) id++;
    const picture = { id, key, ...memory, size, references: 1, fresh: true };
    this.#byId.set(id, picture);
    return picture;
  }

  #file(picture: Picture): AnonymousFile {
    const buffer = new DmaBuf(picture.buffer, picture.offset, picture.size);
    return {
      name: buffer.name,
      size: buffer.size,
      ioctl: (command) => buffer.ioctl(command),
      mmap: (offset, length, access) => buffer.mmap(offset, length, access),
      release: () => this.#put(picture),
    };
  }

  #put(picture: Picture): void {
    if (--picture.references === 0 && this.#byId.get(picture.id) === picture) this.#byId.delete(picture.id);
  }
}

function refused(code: 'EINVAL' | 'EFAULT', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
