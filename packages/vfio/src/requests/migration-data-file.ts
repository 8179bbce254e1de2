/**
 * The data file of a migration as a client thread has it: a stream that is read (saving) or written (resuming), given by
 * `setMigrationState`. Close it. It answers ENODEV once its session is over.
 */
import { NO_POSITION } from '../anonymous-file.js';
import { AnonymousFileHandle } from '../anonymous-handle.js';
import { converse, converseSync } from './conversation.js';
import { type PrecopyInfo, precopyInfoRequest } from './feature-requests.js';

/** How much is asked for at once where all is wanted. */
const CHUNK_BYTES = 2 ** 20;

export class MigrationDataFile extends AnonymousFileHandle {
  /**
   * The next bytes, at most `length`; none at the end. EBADF: the file is for writing. ENOMSG: in pre-copy, nothing for
   * now.
   */
  readNext(length: number): Promise<Uint8Array> {
    return this.read(NO_POSITION, length);
  }

  readNextSync(length: number): Uint8Array {
    return this.readSync(NO_POSITION, length);
  }

  /** All that is left, to the end. For a device in STOP_COPY. */
  async readToEnd(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = await this.readNext(CHUNK_BYTES);
      if (chunk.length === 0) return joined(chunks);
      chunks.push(chunk);
    }
  }

  /** Puts bytes behind those that were written. EBADF: the file is for reading. */
  writeNext(bytes: Uint8Array): Promise<number> {
    return this.write(NO_POSITION, bytes);
  }

  writeNextSync(bytes: Uint8Array): number {
    return this.writeSync(NO_POSITION, bytes);
  }

  /** How much there is to read in pre-copy. EINVAL: not in pre-copy. ENOTTY: the file is for writing. */
  precopyInfo(): Promise<PrecopyInfo> {
    return converse(this, precopyInfoRequest());
  }

  precopyInfoSync(): PrecopyInfo {
    return converseSync(this, precopyInfoRequest());
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
