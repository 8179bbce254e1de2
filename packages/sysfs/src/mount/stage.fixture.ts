/** What tests of a mounted tree need: a runtime with the patient driver, its tree, and other processes that use it. */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMediatedError, type Parent, Runtime } from '@mediated/core';
import { type MountOptions, mountSysfs, type SysfsMount } from '@mediated/sysfs';
import type { Answer } from './calls.fixture.js';

export const patientUrl: URL = new URL('../serve/patient.fixture.js', import.meta.url);

/** Why no tree can be mounted on this machine; undefined: it can. */
export async function whyNotMountable(): Promise<string | undefined> {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    const runtime = Runtime.start();
    try {
      await (await mountSysfs(runtime)).unmount();
    } finally {
      await runtime.close();
    }
    return undefined;
  } catch (error) {
    if (isMediatedError(error)) return error.message;
    return (error as Error).message;
  }
}

/** A runtime with a patient parent `p`, mounted. */
export class Stage {
  readonly runtime: Runtime;
  readonly mount: SysfsMount;
  readonly calls = new SystemCalls();

  private constructor(runtime: Runtime, mount: SysfsMount) {
    this.runtime = runtime;
    this.mount = mount;
  }

  static async start(
    options: MountOptions = {},
    parents: readonly { name: string; path?: string; subsystem?: string }[] = [{ name: 'p' }],
  ): Promise<Stage> {
    const runtime = Runtime.start({ closeDeadline: 1000 });
    await runtime.loadDriver(patientUrl, { parents });
    return new Stage(runtime, await mountSysfs(runtime, options));
  }

  get parent(): Parent {
    return this.runtime.bus.parent('p');
  }

  /** A path in the tree. */
  at(path: string): string {
    return `${this.mount.path}/${path}`;
  }

  type(name = 'patient-quick'): string {
    return this.at(`class/mdev_bus/p/mdev_supported_types/${name}`);
  }

  /** Runs a script; what it prints, errors included, and its exit status at the end when that is not 0. */
  bash(script: string): Promise<string> {
    return bash(script, this.mount.path);
  }

  /** Resolves when so many wait in the driver. */
  async waiting(count: number): Promise<void> {
    await this.parent.storeAttribute('patience/waiting', String(count));
    await this.parent.showAttribute('patience/waiting');
  }

  letGo(): Promise<void> {
    return this.parent.storeAttribute('patience/let-go', '1');
  }

  async close(): Promise<void> {
    this.calls.close();
    await this.mount.unmount();
    await this.runtime.close();
  }
}

/** Runs a script with the tree as `$T`. */
export function bash(script: string, tree = ''): Promise<string> {
  return new Promise((resolve) => {
    const environment = { ...process.env, T: tree, LC_ALL: 'C' };
    execFile('bash', ['-c', script], { env: environment, timeout: 20_000 }, (error, out, err) => {
      const status = error === null ? '' : `(${error.code ?? error.signal})`;
      resolve(`${out}${err.replaceAll(/^bash: line \d+: /gm, '')}${status}`);
    });
  });
}

/** Makes system calls in a process of its own. */
export class SystemCalls {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./calls.fixture.js', import.meta.url)), { serialization: 'advanced' });
    this.#child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  get process(): ChildProcess {
    return this.#child;
  }

  /** What a function of `node:fs` returns, or the name of the errno with which it fails. */
  call(name: string, ...args: unknown[]): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, ({ value, code }) => resolve(code ?? value));
      this.#child.send({ id, name, args });
    });
  }

  /** Opens, writes, closes: the bytes taken or the errno, with `open:` before it when it is that of open. */
  async write(path: string, text: string | Uint8Array, flags = 'w'): Promise<unknown> {
    const descriptor = await this.call('open', path, flags);
    if (typeof descriptor !== 'number') return `open: ${String(descriptor)}`;
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    const written = await this.call('write', descriptor, bytes, 0, bytes.length);
    await this.call('close', descriptor);
    return written;
  }

  /** Opens, reads, closes: the text or the errno. */
  async read(path: string): Promise<unknown> {
    const descriptor = await this.call('open', path, 'r');
    if (typeof descriptor !== 'number') return `open: ${String(descriptor)}`;
    const text = await this.call('read', descriptor, 65_536, null);
    await this.call('close', descriptor);
    return text;
  }

  close(): void {
    this.#child.disconnect();
  }
}
