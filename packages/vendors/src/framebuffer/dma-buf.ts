/**
 * A dma-buf of a display: a file through which a program maps the pixels of a plane. Made by drivers for
 * VFIO_DEVICE_GET_GFX_DMABUF, called on the device's thread. It keeps the memory, not the device: the pixels can be read
 * after the device has been closed or removed, until the last file and the last mapping are gone.
 */
import type { AnonymousFile } from '@mediated/vfio';
import { DMA_BUF_GET_LAYOUT, dmaBufLayout } from '@mediated/vfio/uapi';
import { refused } from './requests.js';

const PAGE = 4096;

/**
 * `size` bytes from byte `offset` of `memory`. The file has neither read nor write (EINVAL), and it is meant for looking
 * at: unlike a kernel, shared memory cannot refuse a mapping that writes.
 */
export class DmaBuf implements AnonymousFile {
  readonly name = '[dmabuf]';
  readonly #memory: SharedArrayBuffer;
  readonly #offset: number;
  readonly #size: number;

  constructor(memory: SharedArrayBuffer, offset: number, size: number) {
    this.#memory = memory;
    this.#offset = offset;
    this.#size = size;
  }

  /** DMA_BUF_GET_LAYOUT. Errors: EFAULT (a short argument), ENOTTY. */
  ioctl(command: number, argument: Uint8Array): void {
    if (command !== DMA_BUF_GET_LAYOUT) throw refused('ENOTTY', `no command 0x${command.toString(16)}`);
    if (argument.length < dmaBufLayout.size) throw refused('EFAULT', `the argument has ${argument.length} bytes`);
    dmaBufLayout.encode(argument, { size: BigInt(this.#size), offset: BigInt(this.#offset) });
  }

  /** The memory that the buffer is part of; where, DMA_BUF_GET_LAYOUT tells. EINVAL: not pages of the buffer. */
  mmap(offset: number, length: number): SharedArrayBuffer {
    const end = Math.ceil(this.#size / PAGE) * PAGE;
    if (offset % PAGE === 0 && length > 0 && offset + length <= end) return this.#memory;
    throw refused('EINVAL', `no mapping of ${length} bytes at ${offset}`, 'mmap');
  }
}
