/** Runs `mediated` as users do, each test in a folder of its own: for the tests of `mediated up`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const CONFIGURATION = {
  drivers: [
    { driver: 'mtty', parents: [{ name: 'mtty' }] },
    { driver: 'mdpy', parents: [{ name: 'mdpy' }] },
  ],
};

/** How a program has ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line of `mediated up --json`. */
export type JsonEvent = Readonly<Record<string, unknown>> & { readonly event: string };

export class Programs {
  /** Where control sockets, the configuration and what the test likes are. */
  readonly folder: string = mkdtempSync(join(tmpdir(), 'mediated-up-'));
  readonly #running: ChildProcess[] = [];
  readonly #environment: Record<string, string> = {};

  constructor() {
    this.configure(CONFIGURATION);
  }

  /** What programs are started with, besides what the tests have. */
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, XDG_RUNTIME_DIR: this.folder, NO_COLOR: '1', ...this.#environment };
  }

  /** Options of Node.js for the programs that follow. */
  set nodeOptions(options: string) {
    this.#environment.NODE_OPTIONS = options;
  }

  /** What {@link up} starts. */
  configure(configuration: object): void {
    writeFileSync(join(this.folder, 'm.json'), JSON.stringify(configuration));
  }

  /** A device for `--definitions FOLDER/d`. */
  define(parent: string, uuid: string, definition: object): void {
    mkdirSync(join(this.folder, 'd', parent), { recursive: true });
    writeFileSync(join(this.folder, 'd', parent, uuid), JSON.stringify(definition));
  }

  start(...words: string[]): ChildProcess {
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.push(child);
    return child;
  }

  /** Runs a command to its end. */
  mediated(...words: string[]): Promise<Ended> {
    return ended(this.start(...words));
  }

  /** Starts `mediated up --json` with the configuration. */
  up(...words: string[]): Up {
    return new Up(this.start('up', '--json', '--config', join(this.folder, 'm.json'), ...words));
  }

  /** The same, without a tree, once it is ready. */
  async ready(...words: string[]): Promise<Up> {
    const up = this.up('--no-mount', ...words);
    await up.until('ready');
    return up;
  }

  /** Kills what still runs. */
  async close(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when a program has ended. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...texts };
}

/** A running `up` whose events are kept. */
export class Up {
  readonly child: ChildProcess;
  readonly events: JsonEvent[] = [];
  #heard = () => {};
  /** Nothing more is going to come. */
  #over = false;

  constructor(child: ChildProcess) {
    this.child = child;
    child.once('close', () => {
      this.#over = true;
      this.#heard();
    });
    if (child.stdout === null) throw new Error('its output is wanted');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line) as JsonEvent);
      this.#heard();
    });
  }

  /** The first event of a name, with such fields. */
  async until(event: string, fields: Readonly<Record<string, unknown>> = {}): Promise<JsonEvent> {
    const wanted = Object.entries({ event, ...fields });
    for (;;) {
      const found = this.events.find((candidate) => wanted.every(([name, value]) => candidate[name] === value));
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`up has ended; ${JSON.stringify(this.events)}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** Ends it; the exit status. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    const closed = once(this.child, 'close');
    this.child.kill(signal);
    return ((await closed) as [number | null])[0];
  }
}
