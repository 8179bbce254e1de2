/**
 * A dma-buf of a display: a file through which a program maps the pixels of a plane. Made by drivers for
 * VFIO_DEVICE_GET_GFX_DMABUF, called on the device's thread. It keeps the memory, not the device: the pixels can be read
 * after the device has been closed or removed, until the last file and the last mapping are gone.
 */
import type { AnonymousFile, MapAccess, MappedMemory } from '@mediated/vfio';
import { refused } from './requests.js';

const PAGE = 4096;

/**
 * `size` bytes from byte `offset` of `memory`. The file has neither read, write nor commands (EINVAL, ENOTTY), and it is
 * meant for looking at.
 */
export class DmaBuf implements AnonymousFile {
  readonly name = '[dmabuf]';
  /** Bytes. */
  readonly size: number;
  readonly #memory: SharedArrayBuffer;
  readonly #offset: number;

  constructor(memory: SharedArrayBuffer, offset: number, size: number) {
    this.#memory = memory;
    this.#offset = offset;
    this.size = size;
  }

  ioctl(command: number): never {
    throw refused('ENOTTY', `no command 0x${command.toString(16)}`);
  }

  /** Pages of the picture. EACCES: to be written; EINVAL: a private mapping, not pages of the buffer. */
  mmap(offset: number, length: number, { write, shared }: Required<MapAccess>): MappedMemory {
    if (shared && write) throw refused('EACCES', 'a dma-buf is mapped for reading', 'mmap');
    const end = Math.ceil(this.size / PAGE) * PAGE;
    if (shared && offset % PAGE === 0 && offset + length <= end) {
      return new Uint8Array(this.#memory, this.#offset + offset, length);
    }
    throw refused('EINVAL', `no ${shared ? '' : 'private '}mapping of ${length} bytes at ${offset}`, 'mmap');
  }
}
