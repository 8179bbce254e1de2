/** Starts the runtime that a configuration describes. Called by `up.ts` on the main thread. */
import { Runtime } from '@mediated/core';
import type { Configuration, DriverEntry } from './configuration.js';
import { isShipped, loadOptionsOf, moduleOf } from './shipped-drivers.js';

/** Why a runtime could not be started: the entry of the configuration, then the reason. */
export class StartError extends Error {}

/**
 * A runtime with all drivers and parents of a configuration, in its order. `begun` has the runtime before the first driver
 * is loaded, `loaded` is told of each driver. Rejects with a {@link StartError}, or what `begun` did; nothing is left behind then.
 */
export async function startRuntime(
  { runtime: options = {}, drivers }: Configuration,
  begun: (runtime: Runtime) => Promise<void>,
  loaded: (name: string, parents: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Runtime> {
  const runtime = Runtime.start(options);
  try {
    await begun(runtime);
    for (const [at, entry] of drivers.entries()) {
      if (signal.aborted) break;
      const name = await load(runtime, entry).catch((error: unknown) => {
        throw new StartError(`${entry.place ?? `/drivers/${at} (${entry.driver})`}: ${reasonOf(error)}`, {
          cause: error,
        });
      });
      const parents = runtime.bus.parents().filter(({ driver }) => driver === name);
      loaded(
        name,
        parents.map((parent) => parent.name),
      );
    }
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return runtime;
}

async function load(runtime: Runtime, entry: DriverEntry): Promise<string> {
  const { driver, threads, parents } = entry;
  const options = await loadOptionsOf(runtime, entry);
  const { name } = await runtime.loadDriver(moduleOf(driver), {
    options,
    ...(threads === undefined ? {} : { threads }),
    ...(parents === undefined ? {} : { parents }),
  });
  // The drivers of this package name their parents themselves, or the file does.
  const known = runtime.bus.parents().some((parent) => parent.driver === name);
  if (!known && parents === undefined && !isShipped(driver)) await runtime.registerParent({ name, driver: name });
  return name;
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!message.includes('Unknown file extension ".ts"')) return message;
  return `${message}; Node.js ${process.versions.node} runs no TypeScript: build it first, or take 22.18 or later`;
}
