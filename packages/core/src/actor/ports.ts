/**
 * The message ports of one thread, one per peer: the road for what does not fit into a slot.
 * Whoever attaches a thread makes the ports and hands them out over each thread's control port before the new thread
 * can send anything, so that `take` always finds what a published slot announces. Nothing here keeps a process alive.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { MediatedError } from '../errors.js';

/** A peer's port, as it arrives on the control port. */
export interface PeerNotice {
  readonly peer: number;
  readonly port: MessagePort;
}

export class PortMesh {
  readonly #ports = new Map<number, MessagePort>();
  readonly #early = new Map<number, Map<number, unknown>>();
  readonly #control: MessagePort | undefined;
  #ticket = 0;

  /** `control` delivers ports of peers that attach later; the supervising thread has none and calls `add` itself. */
  constructor(control: MessagePort | undefined, peers: readonly PeerNotice[]) {
    this.#control = control;
    control?.unref();
    for (const notice of peers) this.add(notice);
  }

  /** Takes over the port to a peer; an earlier port to the same thread id (of a dead incarnation) is closed. */
  add({ peer, port }: PeerNotice): void {
    this.#ports.get(peer)?.close();
    this.#early.delete(peer);
    port.unref();
    this.#ports.set(peer, port);
  }

  /** Posts a value to a peer and returns the ticket by which it is taken. Throws `DataCloneError` for functions etc. */
  post(peer: number, value: unknown): number {
    const ticket = (this.#ticket = (this.#ticket + 1) | 0);
    this.#port(peer).postMessage({ ticket, value });
    return ticket;
  }

  /** Takes a posted value. Requests and replies share the port: what comes before its slot is kept until then. */
  take(peer: number, ticket: number): unknown {
    const early = this.#early.get(peer);
    if (early?.has(ticket)) {
      const value = early.get(ticket);
      early.delete(ticket);
      return value;
    }
    const port = this.#port(peer);
    for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
      const message = received.message as { ticket: number; value: unknown };
      if (message.ticket === ticket) return message.value;
      let kept = this.#early.get(peer);
      if (kept === undefined) this.#early.set(peer, (kept = new Map()));
      kept.set(message.ticket, message.value);
    }
    throw new MediatedError('EIO', `payload ${ticket} of thread ${peer} is gone; that thread has ended`);
  }

  /** Forgets a peer that died. */
  drop(peer: number): void {
    this.#ports.get(peer)?.close();
    this.#ports.delete(peer);
    this.#early.delete(peer);
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
    this.#control?.close();
  }

  #port(peer: number): MessagePort {
    let port = this.#ports.get(peer);
    if (port === undefined && this.#control !== undefined) {
      for (;;) {
        const notice = receiveMessageOnPort(this.#control);
        if (notice === undefined) break;
        this.add(notice.message as PeerNotice);
      }
      port = this.#ports.get(peer);
    }
    if (port === undefined) throw new MediatedError('EIO', `thread ${peer} has ended or was never attached`);
    return port;
  }
}
