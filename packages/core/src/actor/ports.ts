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
  /** The peer's life that holds the other end. */
  readonly life: number;
  readonly port: MessagePort;
}

export class PortMesh {
  readonly #ports = new Map<number, PeerNotice>();
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
  add(notice: PeerNotice): void {
    this.#forget(notice.peer);
    notice.port.unref();
    this.#ports.set(notice.peer, notice);
  }

  /** Posts a value to that life of a peer and returns the ticket by which it is taken there. */
  post(peer: number, life: number, value: unknown, transfer: readonly ArrayBuffer[] | undefined): number {
    const ticket = (this.#ticket = (this.#ticket + 1) | 0);
    this.#port(peer, life).postMessage({ ticket, value }, transfer);
    return ticket;
  }

  /** Takes a posted value. Requests and replies share the port: what comes before its slot is kept until then. */
  take(peer: number, life: number, ticket: number): unknown {
    const port = this.#port(peer, life);
    const early = this.#early.get(peer);
    if (early?.has(ticket)) {
      const value = early.get(ticket);
      early.delete(ticket);
      return value;
    }
    for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
      const message = received.message as { ticket: number; value: unknown } | undefined;
      // Node gives this to a thread that is being terminated and has not noticed yet.
      if (message === undefined) throw new MediatedError('EIO', 'this thread is being ended');
      if (message.ticket === ticket) return message.value;
      let kept = this.#early.get(peer);
      if (kept === undefined) this.#early.set(peer, (kept = new Map()));
      kept.set(message.ticket, message.value);
    }
    throw new MediatedError('EIO', `payload ${ticket} of thread ${peer} is gone; that thread has ended`);
  }

  /** Closes the ports to earlier lives of a peer than `life`. */
  drop(peer: number, life: number): void {
    this.#collect();
    if (this.#ports.get(peer)?.life !== life) this.#forget(peer);
  }

  close(): void {
    this.#collect();
    for (const peer of [...this.#ports.keys()]) this.#forget(peer);
    this.#control?.close();
  }

  #port(peer: number, life: number): MessagePort {
    let notice = this.#ports.get(peer);
    if (notice?.life !== life) {
      this.#collect();
      notice = this.#ports.get(peer);
    }
    if (notice?.life !== life) throw new MediatedError('EIO', `thread ${peer} has ended`);
    return notice.port;
  }

  #forget(peer: number): void {
    this.#ports.get(peer)?.port.close();
    this.#ports.delete(peer);
    this.#early.delete(peer);
  }

  /** Takes over the ports that have arrived on the control port. */
  #collect(): void {
    if (this.#control === undefined) return;
    for (
      let next = receiveMessageOnPort(this.#control);
      next !== undefined;
      next = receiveMessageOnPort(this.#control)
    ) {
      const notice = next.message as PeerNotice | undefined;
      // As in `take`.
      if (notice !== undefined) this.add(notice);
    }
  }
}
