/** A real `nats-server` on loopback with a folder of its own, for tests: started, killed, restarted, stopped, clustered. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const PROGRAM = process.env.MEDIATED_NATS_SERVER || join(CACHE, 'mediated', 'nats', 'nats-server');

/** Lines of its log that are kept. */
const MOST_SAID = 200;

/** Why there is no server on this machine; empty when there is one. */
export const noServer =
  process.env.MEDIATED_NATS_MISSING ||
  (existsSync(PROGRAM) ? '' : `there is no ${PROGRAM}: scripts/nats/fetch.sh fetches it`);

export interface NatsServerOptions {
  readonly jetstream?: boolean;
  /** More of the configuration file: users, accounts, TLS. */
  readonly configuration?: string;
  readonly port?: number;
}

export class NatsServer {
  readonly port: number;
  readonly #folder: string;
  readonly #configuration: string;
  #child: ChildProcess | undefined;
  /** The last lines that it has said. */
  readonly said: string[] = [];

  private constructor(port: number, folder: string, configuration: string) {
    this.port = port;
    this.#folder = folder;
    this.#configuration = configuration;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await NatsServer.prepare(options);
    await server.begin();
    return server;
  }

  /** Three servers that are one, ready to be used. */
  static async cluster(): Promise<NatsServer[]> {
    const ports = await Promise.all([0, 1, 2].map(() => freePort()));
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ');
    const servers = await Promise.all(
      ports.map((port, at) =>
        NatsServer.prepare({
          configuration: `server_name: s${at}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        }),
      ),
    );
    await Promise.all(servers.map((server) => server.begin()));
    await settled(servers);
    return servers;
  }

  static async prepare({ jetstream = true, configuration = '', port }: NatsServerOptions): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-nats-'));
    const own = port ?? (await freePort());
    const store = jetstream ? `jetstream { store_dir: "${join(folder, 'store')}" }` : '';
    const text = `listen: "127.0.0.1:${own}"\n${store}\n${configuration}\n`;
    const file = join(folder, 'nats.conf');
    writeFileSync(file, text);
    return new NatsServer(own, folder, file);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, again after {@link kill}; resolves when it says that it is ready. */
  async begin(ready: RegExp = /Server is ready/): Promise<void> {
    const child = spawn(PROGRAM, ['-c', this.#configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    const lines = createInterface({ input: child.stderr! });
    const { said } = this;
    said.length = 0;
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        said.push(line);
        if (said.length > MOST_SAID) said.shift();
        if (ready.test(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`nats-server has ended:\n${said.join('\n')}`)));
      child.once('error', reject);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** As a crash. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

/** Resolves when the servers of a cluster know each other and keep a stream three times. */
async function settled([{ url }]: readonly NatsServer[]): Promise<void> {
  const connection = await connect({ servers: url.replace('nats://', '') });
  try {
    for (;;) {
      try {
        const manager = await jetstreamManager(connection, { timeout: 1000 });
        await manager.streams.add({ name: 'probe', subjects: ['probe'], num_replicas: 3 });
        await manager.streams.delete('probe');
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  } finally {
    await connection.close();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
