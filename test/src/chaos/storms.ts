/**
 * The processes of a chaos run: each storms on its own, several at once, one part of the kills after the other. Used by `main.ts`.
 * What runs there is bundled before, into a folder that lasts as long as the run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleStorm } from './bundle.js';
import type { ChaosReport } from './chaos.js';
import type { StormNews, StormOrder } from './storm.js';

/** A part of a run. */
export type Part = Extract<StormOrder, { readonly run: unknown }>['run'];

export class Storms {
  readonly #folder: string;
  readonly #module: string;
  readonly #running = new Set<ChildProcess>();
  #stopping = false;

  private constructor(folder: string, module: string) {
    this.#folder = folder;
    this.#module = module;
  }

  static async prepare(): Promise<Storms> {
    const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
    try {
      return new Storms(folder, await bundleStorm(folder));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs all parts, so many at a time. Those that have not begun when {@link stop} is called, or are ended by it, have no report. */
  async run(
    parts: readonly Part[],
    processes: number,
    progress: (at: number, soFar: ChaosReport) => void,
  ): Promise<(ChaosReport | undefined)[]> {
    const reports: (ChaosReport | undefined)[] = [];
    const waiting = [...parts.entries()];
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined && !this.#stopping; next = waiting.shift()) {
        const [at, part] = next;
        try {
          reports[at] = await this.#storm(part, (soFar) => progress(at, soFar));
        } catch (error) {
          if (!this.#stopping) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: processes }, work));
    return reports;
  }

  /** Ends all storms in good order; called again, at once. */
  stop(): void {
    for (const child of this.#running) {
      if (this.#stopping) child.kill('SIGKILL');
      else child.send({ stop: true } satisfies StormOrder);
    }
    this.#stopping = true;
  }

  /** Removes what was prepared. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** One storm in a process of its own. Rejects when that ends without a report. */
  #storm(part: Part, progress: (soFar: ChaosReport) => void): Promise<ChaosReport> {
    const child = fork(this.#module, { serialization: 'advanced' });
    this.#running.add(child);
    return new Promise((resolve, reject) => {
      child.on('message', (news: StormNews) => {
        if ('done' in news) resolve(news.done);
        else progress(news.soFar);
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        this.#running.delete(child);
        reject(new Error(`the process of a storm has ended with ${signal ?? `exit code ${code}`} and no report`));
      });
      child.send({ run: part } satisfies StormOrder);
    });
  }
}
