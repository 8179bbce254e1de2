/**
 * Which threads are attached or about to attach to a system, and the message ports between every two of them.
 * Private to the supervising thread: it alone attaches threads, so that every pair gets exactly one channel.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Endpoint } from './endpoint.js';
import type { PeerNotice } from './ports.js';
import { ANNOUNCED, rowOf, STATE } from './segment.js';
import type { Attachment } from './thread-control.js';

export class Attachments {
  readonly #segment: SharedArrayBuffer;
  readonly #endpoint: Endpoint;
  /** The threads other than this one. */
  readonly #attached = new Map<number, { control: MessagePort; attachment: Attachment }>();

  constructor(segment: SharedArrayBuffer, endpoint: Endpoint) {
    this.#segment = segment;
    this.#endpoint = endpoint;
  }

  /** Makes the ports between a new thread and everybody else, and what the new thread needs to attach. */
  add(thread: number): { attachment: Attachment; transfer: MessagePort[] } {
    // The id may have belonged to a thread that has just left.
    this.#endpoint.noticeNews();
    Atomics.store(this.#endpoint.views.words, rowOf(thread) + STATE, ANNOUNCED);
    const life = this.#endpoint.lifeOf(thread);
    const control = new MessageChannel();
    const peers: PeerNotice[] = [];
    const join = (peer: number, deliver: (notice: PeerNotice) => void): void => {
      const { port1, port2 } = new MessageChannel();
      peers.push({ peer, life: this.#endpoint.lifeOf(peer), port: port2 });
      deliver({ peer: thread, life, port: port1 });
    };
    join(this.#endpoint.thread, (notice) => this.#endpoint.ports.add(notice));
    for (const [peer, { control: port }] of this.#attached) {
      join(peer, (notice) => port.postMessage(notice, [notice.port]));
    }
    control.port1.unref();
    const attachment = { segment: this.#segment, thread, control: control.port2, peers };
    this.#attached.set(thread, { control: control.port1, attachment });
    return { attachment, transfer: [control.port2, ...peers.map((notice) => notice.port)] };
  }

  /** A thread has left or died. Returns false when that was known. */
  remove(thread: number): boolean {
    this.#attached.get(thread)?.control.close();
    return this.#attached.delete(thread);
  }

  /** True while nobody has attached with this attachment. */
  isUnused(attachment: Attachment): boolean {
    const state = Atomics.load(this.#endpoint.views.words, rowOf(attachment.thread) + STATE);
    return state === ANNOUNCED && this.#attached.get(attachment.thread)?.attachment === attachment;
  }

  close(): void {
    for (const { control } of this.#attached.values()) control.close();
    this.#attached.clear();
  }
}
