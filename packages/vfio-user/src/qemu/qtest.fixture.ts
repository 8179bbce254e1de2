/** QEMU's qtest protocol: reads and writes of ports and memory in place of a guest's. QEMU connects to the socket. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';

const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;

export class Qtest {
  readonly #socket: Socket;
  readonly #lines: Interface;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface(socket.on('error', () => {}));
    // QEMU was killed.
    this.#lines.on('error', () => {});
  }

  /** Waits at a socket for QEMU, which `start` starts. */
  static async listen(path: string, start: () => Promise<unknown>): Promise<Qtest> {
    const server = createServer().unref();
    server.listen(path);
    await once(server, 'listening');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    await start();
    const [socket] = await connected;
    server.close();
    return new Qtest(socket);
  }

  /** One command, e.g. `inb 0x20`; the number that is answered, if one is. */
  async ask(command: string): Promise<number> {
    const answered = once(this.#lines, 'line') as Promise<[string]>;
    this.#socket.write(`${command}\n`);
    const [line] = await answered;
    const [word, value] = line.split(' ');
    if (word !== 'OK') throw new Error(`${command}: ${line}`);
    return Number(value ?? 0);
  }

  /** A register of 32 bits in the configuration space of a function of bus 0. */
  async config(slot: number, register: number): Promise<number> {
    await this.ask(`outl ${CONFIG_ADDRESS} ${(0x80000000 | (slot << 11) | register) >>> 0}`);
    return this.ask(`inl ${CONFIG_DATA}`);
  }

  /** Writes as many bytes as the instruction (`outb`, `outw`, `outl`) does. */
  async setConfig(slot: number, register: number, value: number, instruction = 'outl'): Promise<void> {
    await this.ask(`outl ${CONFIG_ADDRESS} ${(0x80000000 | (slot << 11) | (register & ~3)) >>> 0}`);
    await this.ask(`${instruction} ${CONFIG_DATA + (register & 3)} ${value}`);
  }

  close(): void {
    this.#lines.close();
    this.#socket.destroy();
  }
}
