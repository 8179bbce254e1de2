/** A host process from the side of the test that started it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HostReport } from './host.fixture.js';

const PROGRAM = fileURLToPath(new URL('./host.fixture.js', import.meta.url));

export class HostProcess {
  readonly name: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(name: string, parameters: readonly string[]) {
    this.name = name;
    this.#arguments = parameters;
  }

  static async start(
    name: string,
    { servers, lease, replicas = 1, skew = 0 }: { servers: string; lease: number; replicas?: number; skew?: number },
  ): Promise<HostProcess> {
    const host = new HostProcess(name, [servers, name, String(lease), String(replicas), String(skew)]);
    await host.begin();
    return host;
  }

  /** Starts it, again after {@link kill}; resolves when it has joined. */
  async begin(): Promise<void> {
    const child = fork(PROGRAM, this.#arguments, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child = child;
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`host ${this.name} has ended with ${code}`);
    });
    ended.catch(() => {});
    await Promise.race([once(child, 'message'), ended]);
  }

  async report(): Promise<HostReport> {
    const child = this.#running();
    const answer = once(child, 'message');
    child.send('report');
    return (await answer)[0] as HostReport;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running().kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Removes its devices and leaves. */
  async leave(): Promise<void> {
    const child = this.#running();
    this.#child = undefined;
    const gone = once(child, 'exit');
    child.send('leave');
    await gone;
  }

  #running(): ChildProcess {
    if (this.#child === undefined) throw new Error(`host ${this.name} does not run`);
    return this.#child;
  }
}
