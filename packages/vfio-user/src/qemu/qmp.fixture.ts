/** QEMU's monitor protocol: commands, and events as they come. QEMU connects to the socket. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What QEMU sends. */
interface Message {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

interface Happened {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A command that QEMU refuses; the message is QEMU's own. */
export class QmpError extends Error {}

export class Qmp {
  readonly #socket: Socket;
  readonly #answers: ((message: Message) => void)[] = [];
  /** Events that nobody has awaited yet. */
  readonly #happened: Happened[] = [];
  #look = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface(socket.on('error', () => {}));
    // QEMU was killed.
    lines.on('error', () => {});
    lines.on('line', (line) => this.#take(JSON.parse(line) as Message));
  }

  /** Listens at a socket; what is returned awaits QEMU. */
  static async listen(path: string): Promise<() => Promise<Qmp>> {
    const server = createServer().unref();
    server.listen(path);
    await once(server, 'listening');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    return async () => {
      const [socket] = await connected;
      server.close();
      const qmp = new Qmp(socket);
      await qmp.execute('qmp_capabilities');
      return qmp;
    };
  }

  /** What QEMU answers. {@link QmpError}. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answered = new Promise<Message>((resolve) => this.#answers.push(resolve));
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const { error, return: value } = await answered;
    if (error !== undefined) throw new QmpError(error.desc);
    return value;
  }

  /** The next event of a name, about a device if one is named; one that has happened and was not awaited yet counts. */
  event(name: string, device?: string): Promise<Happened> {
    return new Promise((resolve) => {
      this.#look = () => {
        const at = this.#happened.findIndex((one) => {
          return one.name === name && (device === undefined || one.data.device === device);
        });
        if (at >= 0) resolve(this.#happened.splice(at, 1)[0] as Happened);
      };
      this.#look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Message): void {
    if (message.QMP !== undefined) return;
    if (message.event === undefined) return this.#answers.shift()?.(message);
    this.#happened.push({ name: message.event, data: message.data ?? {} });
    this.#look();
  }
}
