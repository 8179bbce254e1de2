/**
 * A file that an ioctl on a device has given (migration data, dma-buf), as a client thread has it. Made by
 * `DeviceFile.anonymous`. It is closed on its own: closing the device's file leaves it open.
 */
import { RemoteFile } from './remote-file.js';

export class AnonymousFileHandle extends RemoteFile {}
