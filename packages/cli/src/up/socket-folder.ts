/**
 * The folder of `mediated up --socket-dir`, where virtual machines find devices: made if need be, held by one instance at a
 * time, and cleared of sockets whose processes are dead. Main thread; opened by `up.ts` before devices are served.
 */
import { accessSync, constants, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { ControlError } from '../control/control-error.js';
import { isAnswered, listenAlone } from '../control/listen-alone.js';
import { isOwnSocket, LONGEST_PATH } from '../control/place.js';

/** Whoever listens here has the folder. */
const IN_USE = '.in-use';
/** Bytes of a device's socket: a slash, a UUID, `.sock`. */
const NAME_BYTES = 42;
const SOCKET_OF_DEVICE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.sock$/;

export class SocketFolder {
  readonly path: string;
  /** It goes with this instance. */
  readonly #made: boolean;
  readonly #server: Server = createServer((socket) => socket.destroy());
  /** For a program that ends without closing. */
  readonly #remove = () => rmSync(join(this.path, IN_USE), { force: true });

  private constructor(path: string, made: boolean) {
    this.path = path;
    this.#made = made;
  }

  /**
   * Rejects with a {@link ControlError} that says what to do: ENAMETOOLONG, ENOENT (the folder above it), ENOTDIR, EACCES,
   * EROFS, EBUSY (another instance has it).
   */
  static async open(name: string): Promise<SocketFolder> {
    const path = resolve(name);
    const room = LONGEST_PATH - NAME_BYTES;
    if (Buffer.byteLength(path) > room) {
      const why = `the path of a socket has at most ${LONGEST_PATH} bytes, so that of its folder ${room}`;
      throw new ControlError('ENAMETOOLONG', `--socket-dir ${path} is too long: ${why}; choose a shorter one`);
    }
    const folder = new SocketFolder(path, make(path));
    const taken = new ControlError('EBUSY', `another instance has its sockets in ${path}; choose another --socket-dir`);
    await listenAlone(folder.#server, join(path, IN_USE), taken);
    process.once('exit', folder.#remove);
    folder.#server.unref();
    await removeDead(path);
    return folder;
  }

  /** Lets others have it; takes it away when it was not there before and is empty. */
  async close(): Promise<void> {
    process.off('exit', this.#remove);
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
    if (!this.#made) return;
    try {
      rmdirSync(this.path);
    } catch {
      // Somebody else has put something into it.
    }
  }
}

/** Makes the folder, for its owner alone; false: it was there. */
function make(path: string): boolean {
  const refuse = (code: string, reason: string) => new ControlError(code, `--socket-dir ${path} ${reason}`);
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw refuse(code, 'cannot be made: the folder above it does not exist; make that first');
    if (code !== 'EEXIST') throw refuse(code, `cannot be made: ${message}; choose a folder that you may write to`);
  }
  if (!statSync(path).isDirectory()) throw refuse('ENOTDIR', 'is no folder');
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = 'EACCES', message } = error as NodeJS.ErrnoException;
    throw refuse(code, `may not be written to: ${message}; choose a folder that you may write to`);
  }
  return false;
}

/** Takes away the sockets of devices that a process has left behind when it was killed. */
async function removeDead(path: string): Promise<void> {
  for (const name of readdirSync(path)) {
    const socket = join(path, name);
    if (SOCKET_OF_DEVICE.test(name) && isOwnSocket(socket) && !(await isAnswered(socket)))
      rmSync(socket, { force: true });
  }
}
