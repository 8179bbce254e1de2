/**
 * Who watches a runtime of `mediated up`: the log and the metrics, each where it is wanted. Begins before the first driver is
 * loaded. Main thread.
 */
import type { Runtime } from '@mediated/core';
import { EventLog } from '../log/event-log.js';
import type { CommandOptions } from '../commands.js';
import { MetricsEndpoint } from '../metrics/endpoint.js';

export class Watching {
  readonly #options: CommandOptions<'up'>;
  #log: EventLog | undefined;
  #endpoint: MetricsEndpoint | undefined;

  constructor(options: CommandOptions<'up'>) {
    this.#options = options;
  }

  /** Where the metrics are read; null where there are none. */
  get url(): string | null {
    return this.#endpoint?.url ?? null;
  }

  /** EndpointError: the endpoint cannot be had. */
  async start(runtime: Runtime): Promise<void> {
    const { log, metrics, 'log-level': level } = this.#options;
    if (log !== 'off') this.#log = await EventLog.start(runtime, log, level);
    if (metrics !== '') this.#endpoint = await MetricsEndpoint.open(runtime, metrics);
  }

  /** Ends the metrics, whose counts are asked of the threads: before the runtime is closed. */
  async endMetrics(): Promise<void> {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    await endpoint?.close();
  }

  /** Ends all, the log too, which tells of the end of the runtime. */
  async end(): Promise<void> {
    await this.endMetrics();
    await this.#log?.stop();
  }
}
