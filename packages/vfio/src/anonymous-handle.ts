/**
 * A file that an ioctl on a device has given (migration data, dma-buf), as a client thread has it. Made by
 * `DeviceFile.anonymous`. It is closed on its own: closing the device's file leaves it open.
 */
import { RemoteFile } from './remote-file.js';

export class AnonymousFileHandle extends RemoteFile {
  /** Its length in bytes: what seeking to the end gives (dma-bufs). ESPIPE: it is a stream. */
  size(): Promise<number> {
    return this.askOpen(() => this.actor.ask('size', this.number));
  }

  sizeSync(): number {
    this.assertOpen('lseek');
    return this.actor.askSync('size', this.number);
  }
}
