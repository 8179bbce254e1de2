/** What tests of displays ask an open device, as a program does: arguments as bytes in, structures out. */
import type { AnonymousFileHandle, DeviceFile } from '@mediated/vfio';
import {
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_QUERY_GFX_PLANE,
  DEVICE_SET_IRQS,
  deviceInfo,
  gfxPlaneInfo,
  irqInfo,
  irqSet,
  regionInfo,
} from '@mediated/vfio/uapi';

export class DisplayClient {
  readonly file: DeviceFile;

  constructor(file: DeviceFile) {
    this.file = file;
  }

  async info(argsz = 24): Promise<ReturnType<typeof deviceInfo.decode>> {
    const argument = deviceInfo.bytes({ argsz });
    await this.file.ioctl(DEVICE_GET_INFO, argument);
    return deviceInfo.decode(argument);
  }

  async region(index: number, argsz = 32): Promise<ReturnType<typeof regionInfo.decode>> {
    const argument = await this.regionBytes(index, argsz);
    return regionInfo.decode(argument);
  }

  async regionBytes(index: number, argsz: number): Promise<Uint8Array> {
    const argument = regionInfo.bytes({ argsz, index }, Math.max(argsz, 32));
    await this.file.ioctl(DEVICE_GET_REGION_INFO, argument);
    return argument;
  }

  async irq(index: number): Promise<ReturnType<typeof irqInfo.decode>> {
    const argument = irqInfo.bytes({ argsz: 16, index, flags: 0xdead, count: 77 });
    await this.file.ioctl(DEVICE_GET_IRQ_INFO, argument);
    return irqInfo.decode(argument);
  }

  setIrqs(flags: number, index: number, count: number): Promise<number> {
    return this.file.ioctl(DEVICE_SET_IRQS, irqSet.bytes({ argsz: 24, flags, index, count }, 24));
  }

  async plane(flags: number, type = 1, argsz = 60): Promise<ReturnType<typeof gfxPlaneInfo.decode>> {
    const argument = gfxPlaneInfo.bytes({ argsz, flags, drm_plane_type: type });
    await this.file.ioctl(DEVICE_QUERY_GFX_PLANE, argument);
    return gfxPlaneInfo.decode(argument);
  }

  /** Opens a dma-buf. */
  async dmaBuf(id: number): Promise<AnonymousFileHandle> {
    return this.file.anonymous(await this.file.ioctl(DEVICE_GET_GFX_DMABUF, u32(id)));
  }

  async read(position: number, length: number): Promise<string> {
    return Buffer.from(await this.file.read(position, length)).toString('hex');
  }

  /** `bytes`: hexadecimal. */
  write(position: number, bytes: string): Promise<number> {
    return this.file.write(position, Buffer.from(bytes, 'hex'));
  }

  write16(position: number, value: number): Promise<number> {
    return this.file.write(position, new Uint8Array(Uint16Array.of(value).buffer));
  }

  write32(position: number, value: number): Promise<number> {
    return this.file.write(position, u32(value));
  }

  /** The error code of a promise that rejects; `ok` otherwise. */
  static async code(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => 'ok',
      (error: { code?: string }) => error.code ?? String(error),
    );
  }
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
