import { Runtime } from '@mediated/core';
import { mbochsUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import {
  DEVICE_GET_GFX_DMABUF,
  DEVICE_QUERY_GFX_PLANE,
  DRM_PLANE_TYPES,
  GFX_PLANE_FLAGS,
  gfxPlaneInfo,
} from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(mbochsUrl, { threads: 2, parents: [{ name: 'mbochs', threads: 2 }] });
const display = await runtime.bus.parent('mbochs').create('mbochs-small');
await using file = await openDevice(runtime.bus, display);

// What a guest's driver does: 800 by 600 pixels of 32 bits, on.
const registers = { xres: 1, yres: 2, bpp: 3, enable: 4 };
const set = (register: number, value: number) =>
  file.write(0x1500 + 2 * register, new Uint8Array(Uint16Array.of(value).buffer));
await set(registers.xres, 800);
await set(registers.yres, 600);
await set(registers.bpp, 32);
await set(registers.enable, 1);

// What a program does that shows it.
const argsz = gfxPlaneInfo.size;
const plane = gfxPlaneInfo.bytes({ argsz, flags: GFX_PLANE_FLAGS.dmabuf, drm_plane_type: DRM_PLANE_TYPES.primary });
await file.ioctl(DEVICE_QUERY_GFX_PLANE, plane).catch((error) => console.log(error.code)); // the first time, as in Linux
await file.ioctl(DEVICE_QUERY_GFX_PLANE, plane);
const { width, height, region_index: id } = gfxPlaneInfo.decode(plane);
console.log(`${width}x${height}, dma-buf ${id}`);

const number = await file.ioctl(DEVICE_GET_GFX_DMABUF, new Uint8Array(Uint32Array.of(id).buffer));
await using buffer = file.anonymous(number);
const pixels = await buffer.mmap(0, await buffer.size(), { write: false });
console.log(pixels.length);
