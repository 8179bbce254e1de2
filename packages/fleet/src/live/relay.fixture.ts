/**
 * A way between a host and its server that a test can cut: connections stay open and carry nothing, as through a dead switch. It can
 * also let bytes of a connection arrive after its client has ended it, as a network does that was away for a while.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Ends of the connections that there are: the client's, and the server's. */
  readonly #nears = new Map<Socket, Socket>();
  #cut = false;
  /** What clients have sent since {@link hold}, by the server's end of their connection. */
  #held: Map<Socket, Buffer[]> | undefined;
  #tellHeld = () => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Relay> {
    const relay = new Relay(createServer());
    relay.#server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      relay.#nears.set(near, far);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        relay.#sockets.add(from);
        from.setNoDelay(true);
        from.on('data', (bytes) => {
          const held = relay.#held?.get(to);
          if (held === undefined) return void to.write(bytes);
          held.push(bytes);
          relay.#tellHeld();
        });
        from.on('error', () => {});
        from.on('close', () => {
          relay.#sockets.delete(from);
          relay.#nears.delete(from);
          if (relay.#held?.has(to) !== true) to.destroy();
        });
        if (relay.#cut) from.pause();
      }
    });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    const address = this.#server.address();
    return `nats://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Nothing gets through from now on, in either direction. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was held back gets through, and everything after it. */
  heal(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Nothing that is sent by the connections of now reaches the server; resolves when `text` was sent. */
  hold(text: string): Promise<void> {
    const held = new Map([...this.#nears.values()].map((far) => [far, []]));
    this.#held = held;
    return new Promise((resolve) => {
      this.#tellHeld = () => {
        if ([...held.values()].some((each) => Buffer.concat(each).includes(text))) resolve();
      };
    });
  }

  /** The connections of {@link hold} end for their clients, which connect anew; for the server they go on. */
  sever(): void {
    for (const near of [...this.#nears.keys()]) near.destroy();
  }

  /** What was held back arrives at last, from connections whose clients have others by now; resolves when these are over. */
  async deliver(): Promise<void> {
    const held = this.#held ?? new Map<Socket, Buffer[]>();
    this.#held = undefined;
    const over = [...held].map(([far, bytes]) => {
      far.end(Buffer.concat(bytes));
      return once(far, 'close');
    });
    await Promise.all(over);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
