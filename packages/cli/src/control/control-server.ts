/**
 * The socket over which the other commands reach a running `mediated up`. Main thread. One per instance; an instance that was
 * killed leaves its socket behind, and the next one of that name takes its place.
 */
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { ControlError } from './control-error.js';
import { Exchange, type Handlers } from './exchange.js';
import { listenAlone } from './listen-alone.js';
import { makePrivateFolder } from './place.js';

/** Connections at a time; more are turned away. */
const MOST_CONNECTIONS = 64;

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  /** For a program that ends without closing. */
  readonly #remove = () => rmSync(this.path, { force: true });
  #closed: Promise<unknown> | undefined;
  readonly #exchanges = new Set<Exchange>();

  private constructor(path: string, handlers: Handlers) {
    this.path = path;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const exchange = new Exchange(socket, handlers);
      this.#exchanges.add(exchange);
      socket.on('close', () => this.#exchanges.delete(exchange));
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /** Rejects with a {@link ControlError}: EBUSY when an instance answers there; EPERM when others may enter the folder. */
  static async open(path: string, handlers: Handlers): Promise<ControlServer> {
    makePrivateFolder(dirname(path));
    const server = new ControlServer(path, handlers);
    const help = 'end it, or give this one a name with --instance';
    await listenAlone(server.#server, path, new ControlError('EBUSY', `an instance uses ${path} already; ${help}`));
    process.once('exit', server.#remove);
    return server;
  }

  /** Takes no more requests. Those under way go on, until {@link close}. */
  refuse(): void {
    this.#closed ??= once(this.#server, 'close');
    this.#server.close();
  }

  /** Ends streams too. */
  stop(): void {
    this.refuse();
    for (const exchange of this.#exchanges) exchange.end();
  }

  /** Ends what is still there, and takes the socket away. */
  async close(): Promise<void> {
    this.stop();
    for (const exchange of this.#exchanges) exchange.abandon();
    await this.#closed;
    process.off('exit', this.#remove);
  }
}
