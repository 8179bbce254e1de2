/**
 * A client thread: any worker (of a pool, or of the user) that talks to the actors of a system but hosts none.
 * The supervising thread makes a ticket with `system.invite()`, the worker attaches with it. One client per thread
 * and system.
 */
import { ThreadTable } from '../sync/threads.js';
import { type ActorHandle, ActorRef } from './actor-ref.js';
import { Endpoint } from './endpoint.js';
import { PortMesh } from './ports.js';
import type { MessageMap, Protocol } from './protocol.js';
import type { ThreadStatistics } from './statistics.js';
import type { Attachment } from './thread-control.js';

/** What a worker needs to become a client. Post it with `transfer` as the transfer list; good for one worker. */
export interface ClientTicket {
  readonly attachment: Attachment;
  readonly threads: SharedArrayBuffer;
}

/** How a client thread lives. */
export interface ClientOptions {
  /**
   * The thread sleeps in system calls, not in its event loop: it looks into its inbox itself (`endpoint.drain()`), and
   * another thread gets it out of those calls (`endpoint.foreignSleep`). Default: false.
   */
  readonly sleepsElsewhere?: boolean;
}

/** A thread's access to a system. */
export class Client {
  readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** Attaches the calling worker. EBUSY when the thread already has another id (it attached or locked before). */
  static attach(ticket: ClientTicket, { sleepsElsewhere = false }: ClientOptions = {}): Client {
    const { attachment, threads } = ticket;
    ThreadTable.join(threads).adopt(attachment.thread);
    return new Client(
      new Endpoint(
        attachment.segment,
        attachment.thread,
        new PortMesh(attachment.control, attachment.peers),
        [],
        sleepsElsewhere,
      ),
    );
  }

  /** A reference from its handle. */
  ref<M extends MessageMap>(handle: ActorHandle, protocol: Protocol<M>): ActorRef<M> {
    return new ActorRef(this.endpoint, handle, protocol);
  }

  statistics(): ThreadStatistics {
    return this.endpoint.statistics();
  }

  /** Leaves the system: asks still awaited reject with ECANCELED, what other threads hold for this one is let go. */
  close(): void {
    this.endpoint.close();
    ThreadTable.current().release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
