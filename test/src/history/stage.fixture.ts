/** Plays scenes: with the code of today on the calling thread, with old code on threads of their own. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Play } from './play.fixture.js';

const ENTRY = new URL('./play.fixture.js', import.meta.url);
const HOOK = new URL('./with-old-code.fixture.js', import.meta.url).href;

/** Plays scenes of one module: async functions without arguments that return what can be cloned. */
export class Stage<Scenes extends Record<string, unknown>> {
  readonly #module: string;

  constructor(name: string) {
    this.#module = new URL(`./${name}.fixture.js`, import.meta.url).href;
  }

  /** What comes of a scene with today's code. */
  async today(scene: keyof Scenes & string): Promise<unknown> {
    const scenes = (await import(this.#module)) as Record<string, () => Promise<unknown>>;
    return scenes[scene]();
  }

  /** What came of it with old code. Its threads are ended wherever they are: they need not be in order. */
  async before(oldCode: string, scene: keyof Scenes & string): Promise<unknown> {
    const play: Play = { module: this.#module, scene };
    const worker = new Worker(ENTRY, {
      workerData: play,
      execArgv: ['--import', HOOK],
      env: { ...process.env, MEDIATED_OLD_CODE: oldCode },
    });
    try {
      const [outcome] = (await once(worker, 'message')) as [unknown];
      return outcome;
    } finally {
      await worker.terminate();
    }
  }
}
