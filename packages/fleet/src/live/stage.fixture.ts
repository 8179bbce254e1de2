/** A server, hosts and clients of a test, which ends them all. */
import type { Runtime } from '@mediated/core';
import { Fleet, FleetHost, type FleetOptions, type HostOptions, type HostState, type Machine } from '@mediated/fleet';
import { LightMachine } from './light-machine.fixture.js';
import { NatsServer, type NatsServerOptions } from './nats-server.fixture.js';
import { Relay } from './relay.fixture.js';

/** Milliseconds: long enough for a busy machine to renew it. */
export const LEASE = 1500;

export class Stage {
  readonly server: NatsServer;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(server: NatsServer) {
    this.server = server;
  }

  static async begin(options: NatsServerOptions = {}): Promise<Stage> {
    return new Stage(await NatsServer.start(options));
  }

  /** A host; closed in the end. */
  async join(host: string, machine: Runtime | Machine, options: Partial<HostOptions> = {}): Promise<FleetHost> {
    const joined = await FleetHost.join(machine, { servers: this.server.url, host, lease: LEASE, ...options });
    this.#ends.push(() => joined.close());
    return joined;
  }

  /** A host with so many instances. */
  async light(host: string, instances = 16, options: Partial<HostOptions> = {}) {
    const machine = new LightMachine(instances);
    return { machine, host: await this.join(host, machine, options) };
  }

  async connect(options: Partial<FleetOptions> = {}): Promise<Fleet> {
    const fleet = await Fleet.connect({ servers: this.server.url, ...options });
    this.#ends.push(() => fleet.close());
    return fleet;
  }

  async relay(): Promise<Relay> {
    const relay = await Relay.to(this.server.port);
    this.#ends.push(() => relay.close());
    return relay;
  }

  /** What is to be ended before all that is there by now. */
  onEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    await this.server.stop();
  }
}

/** Resolves when a client sees a host in a state. */
export function seen(fleet: Fleet, host: string, state: HostState): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (fleet.host(host)?.state !== state) return;
      stop();
      resolve();
    };
    const stop = fleet.onHostState(look);
    look();
  });
}

/** The code that something is refused with; what it answers when it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}
