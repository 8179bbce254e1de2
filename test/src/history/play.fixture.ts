/** Entry of a thread that plays one scene and tells what came of it. */
import { parentPort, workerData } from 'node:worker_threads';

export interface Play {
  /** URL of a module, and which of its functions the scene is. */
  readonly module: string;
  readonly scene: string;
}

const { module, scene } = workerData as Play;
const scenes = (await import(module)) as Record<string, () => Promise<unknown>>;
parentPort?.postMessage(await scenes[scene]());
