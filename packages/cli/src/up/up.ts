/**
 * `mediated up`: a runtime after a configuration, with a mounted tree, devices after definitions and a control socket, until
 * a signal or the end of its time. Main thread; called by `main.ts`. What was begun is undone in the reverse order, whatever
 * happens.
 */
import type { Runtime } from '@mediated/core';
import type { CommandOptions } from '../commands.js';
import { ControlError } from '../control/control-error.js';
import { ControlServer } from '../control/control-server.js';
import { socketPath } from '../control/place.js';
import { requestsOf } from '../control/requests.js';
import { endOf } from '../limit.js';
import { EndpointError } from '../metrics/endpoint.js';
import { Progress } from '../progress.js';
import type { Stage } from '../stage.js';
import type { Output } from '../terminal.js';
import type { Configuration } from './configuration.js';
import { configurationOf } from './configuration-of.js';
import { createDefined, type Defined, readDefined } from './create-defined.js';
import { hints } from './hints.js';
import { MachineSockets } from './machine-sockets.js';
import { ConfigurationError } from './read-configuration.js';
import { removeAll } from './remove-all.js';
import { Report } from './report.js';
import { StartError, startRuntime } from './start-runtime.js';
import { NoTree, Tree } from './tree.js';
import { Watching } from './watching.js';

/** Answers the exit status. */
export async function up(options: CommandOptions<'up'>, { output, errors, signal }: Stage): Promise<number> {
  const report = new Report(output, errors, options.json);
  try {
    const path = socketPath(options.instance);
    const configuration = await configurationOf(options);
    const defined = await readDefined(options.definitions || configuration.definitions);
    await serve(path, configuration, defined, options, report, output, signal);
    return 0;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    report.warn('failed', { message: error.message }, `mediated: ${error.message}`);
    return 1;
  }
}

function isRefusal(error: unknown): error is Error {
  return [ConfigurationError, StartError, ControlError, EndpointError, NoTree].some((kind) => error instanceof kind);
}

async function serve(
  path: string,
  configuration: Configuration,
  defined: Defined | undefined,
  options: CommandOptions<'up'>,
  report: Report,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  try {
    const watching = new Watching(options);
    undo.push(() => watching.end());
    const runtime = await startRuntime(
      configuration,
      (begun) => watching.start(begun),
      (name, parents) => tellLoaded(report, name, parents),
      signal,
    );
    undo.push(() => runtime.close());
    undo.push(() => watching.endMetrics());
    tellWhatHappens(runtime, report);
    const folder = options['socket-dir'] || configuration.sockets;
    const sockets = folder === undefined ? undefined : await MachineSockets.open(runtime, folder, report);
    if (sockets !== undefined) undo.push(() => sockets.close());
    const control = await ControlServer.open(path, requestsOf(runtime, sockets));
    // Who waits for the end of a removal is answered by the end of the runtime, and not waited for before.
    undo.unshift(() => control.close());
    if (signal.aborted) return;
    const tree = await mounted(runtime, configuration, options, report);
    if (tree !== undefined) undo.push(() => tree.close());
    // Whoever follows the events hears of the removals.
    undo.push(async () => control.stop());
    const host = options.fleet === '' ? undefined : await joined(runtime, options, report, signal);
    // It leaves when its devices are gone and their UUIDs given back.
    if (host !== undefined) undo.push(() => host.close());
    undo.push(() =>
      removeAll(runtime.bus, report, configuration.runtime?.closeDeadline, sockets && (() => sockets.letGo())),
    );
    undo.push(async () => control.refuse());
    undo.push(async () => host?.refuse());
    if (defined !== undefined) await createDefined(runtime.bus, defined, report, new Progress(output));
    // What programs read after `ready` is all there.
    await sockets?.all();
    const { instance } = options;
    report.tell(
      'ready',
      { tree: tree?.path ?? null, socket: path, instance, sockets: sockets?.path ?? null, metrics: watching.url },
      ...hints(report, {
        tree: tree?.path,
        instance,
        sockets: sockets?.path,
        metrics: watching.url,
        parents: runtime.bus.parents(),
      }),
    );
    await ended(endOf([signal], options.for));
    report.tell('ending', {}, 'ending');
  } finally {
    await undoAll(undo);
  }
}

/** The host of a fleet. Without the option nothing of fleets is loaded. */
async function joined(runtime: Runtime, options: CommandOptions<'up'>, report: Report, signal: AbortSignal) {
  const { joinFleet } = await import('../fleet/host.js');
  return await joinFleet(runtime, options, report, signal);
}

/** Undoes in the reverse order, also what follows a step that fails; throws what the first of those threw. */
async function undoAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of [...steps].reverse()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function tellLoaded(report: Report, driver: string, parents: readonly string[]): void {
  report.tell('driver', { driver, parents }, `${driver.padEnd(20)} ${parents.join(', ') || 'no parents'}`);
}

/** Events for programs; for people only what is bad. */
function tellWhatHappens({ bus, system }: Runtime, report: Report): void {
  if (report.json) {
    bus.events.on('uevent', ({ variables, ...event }) => {
      report.tell('uevent', { ...event, variables: Object.fromEntries(variables) });
    });
    bus.events.on('lost', (count) => report.tell('lost', { count }));
  }
  system.events.on('threadDied', ({ name, error, restarting }) => {
    const why = error?.message ?? 'it ended of itself';
    const next = restarting ? 'it is started again' : 'it is not started again';
    report.warn('threadDied', { thread: name, message: why, restarting }, `thread ${name} has died (${why}); ${next}`);
  });
}

/** The tree; undefined where it is not wanted or, when no place was asked for, not possible. */
async function mounted(
  runtime: Runtime,
  { mount: configured = true, pci = [] }: Configuration,
  { at, 'no-mount': without }: CommandOptions<'up'>,
  report: Report,
): Promise<Tree | undefined> {
  const place = at === '' && typeof configured === 'string' ? configured : at;
  if (without || (place === '' && configured === false)) return undefined;
  try {
    return await Tree.open(runtime, place === '' ? undefined : place, pci);
  } catch (error) {
    if (!(error instanceof NoTree) || place !== '') throw error;
    const line = `${error.message}; all else works: mediated types, create, list and so on`;
    report.warn('notMounted', { code: error.code, message: error.message }, line);
    return undefined;
  }
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
