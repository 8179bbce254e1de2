/** A worker's access to a bus: attaches with an invitation of the runtime. One per thread and runtime. */
import { Client, type ClientOptions } from '../actor/client.js';
import { Bus } from './bus.js';
import { BusMemory } from './bus-memory.js';
import type { BusTicket } from './runtime.js';

export class BusClient {
  readonly client: Client;
  readonly bus: Bus;

  private constructor(client: Client, bus: Bus) {
    this.client = client;
    this.bus = bus;
  }

  /** Attaches the calling worker. EBUSY when it has a thread id already (it attached or used a lock before). */
  static attach(ticket: BusTicket, options: ClientOptions = {}): BusClient {
    const client = Client.attach(ticket.client, options);
    return new BusClient(client, new Bus(client, BusMemory.from(ticket.bus)));
  }

  /** Leaves: asks still awaited reject, what other threads keep open for this one is closed. */
  close(): void {
    this.bus.close();
    this.client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
