/**
 * Sockets that one process has at a time: the control socket of an instance, and the one that says that a folder of sockets
 * is in use. A process that was killed leaves its socket behind; nobody answers there any more, and the next takes its
 * place. Main thread.
 */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { ControlError } from './control-error.js';
import { isOwnSocket } from './place.js';

/** Has a server listen at a path, for its owner alone. Rejects with a {@link ControlError}: `taken`; EIO. */
export async function listenAlone(server: Server, path: string, taken: ControlError, mayReplace = true): Promise<void> {
  try {
    const listening = once(server, 'listening');
    server.listen(path);
    await listening;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw new ControlError('EIO', `no socket can be made at ${path}: ${(error as Error).message}`);
    }
    if (!mayReplace || !isOwnSocket(path) || (await isAnswered(path))) throw taken;
    rmSync(path, { force: true });
    return listenAlone(server, path, taken, false);
  }
  chmodSync(path, 0o600);
}

/** Whether somebody listens on a socket. */
export async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
