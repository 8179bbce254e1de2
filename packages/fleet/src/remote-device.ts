/** A device that is open on another host: what a `DeviceFile` does, over the fleet. Each call is a request to the host. */
import { type Asking, eioOf, type Instance } from './asking.js';
import { MediatedError } from '@mediated/core';
import { fileAnswer, MOST_BYTES } from './requests.js';

export class RemoteDevice {
  readonly uuid: string;
  readonly host: string;
  readonly #asking: Asking;
  readonly #instance: Instance;
  readonly #file: string;
  readonly #timeout: number;
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  /** `patience`: milliseconds of silence after which the host closes the file. */
  constructor(asking: Asking, instance: Instance, uuid: string, file: string, patience: number, timeout: number) {
    this.#asking = asking;
    this.#instance = instance;
    this.#file = file;
    this.#timeout = timeout;
    this.uuid = uuid;
    this.host = instance.name;
    this.#timer = setInterval(() => void this.#call({ call: 'keep' }).catch(() => {}), patience / 4).unref();
  }

  /** At most 128 KiB. Errors as of the device's own file; EIO: its host is lost or did not answer; EBADF: closed. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    checkLength(length);
    const { bytes = '' } = await this.#call({ call: 'read', offset, length });
    return new Uint8Array(Buffer.from(bytes, 'base64'));
  }

  /** At most 128 KiB; answers how many bytes were written. */
  async write(offset: number, bytes: Uint8Array): Promise<number> {
    checkLength(bytes.length);
    return (await this.#call({ call: 'write', offset, bytes: Buffer.from(bytes).toString('base64') })).result;
  }

  /** A request of the file, by its number; `argument` is sent, and filled in with what comes back. */
  async ioctl(command: number, argument: Uint8Array = new Uint8Array(0)): Promise<number> {
    checkLength(argument.length);
    const given = Buffer.from(argument).toString('base64');
    const { result, bytes = '' } = await this.#call({ call: 'ioctl', command, bytes: given });
    argument.set(Buffer.from(bytes, 'base64').subarray(0, argument.length));
    return result;
  }

  /** Idempotent. A host that is lost has nothing to close. */
  async close(): Promise<void> {
    if (this.#closed) return;
    clearInterval(this.#timer);
    const closing = this.#call({ call: 'close' });
    this.#closed = true;
    await closing.catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #call(request: { call: string; offset?: number; length?: number; command?: number; bytes?: string }) {
    if (this.#closed) throw new MediatedError('EBADF', `${this.uuid} is closed`, { syscall: request.call });
    const whole = { file: this.#file, ...request };
    return this.#asking.ask(this.#instance, 'file', whole, fileAnswer, this.#timeout).catch((error: unknown) => {
      throw eioOf(error, request.call, this.uuid);
    });
  }
}

function checkLength(length: number): void {
  if (length <= MOST_BYTES) return;
  throw new MediatedError('EINVAL', `${length} bytes; one call over the fleet carries at most ${MOST_BYTES}`);
}
