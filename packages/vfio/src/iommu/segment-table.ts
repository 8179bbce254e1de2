/**
 * The guest memory that a thread was handed, by segment id: what mappings mean when they name a segment. One table per
 * thread and container, private to its thread. The control thread hands a segment to every thread that uses the
 * container before a mapping names it; a thread that is in the middle of a callback may not have looked at its mail yet,
 * so `find` asks `receive` to do that before it gives up.
 */

/** Guest memory under the number by which mappings name it. */
export interface Segment {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
}

/** A thread's segments. */
export class SegmentTable {
  readonly #byId = new Map<number, Uint8Array<SharedArrayBuffer>>();
  readonly #receive: (() => void) | undefined;
  #lastId = 0;
  #last: Uint8Array<SharedArrayBuffer> | undefined;

  /** `receive` takes what the control thread has sent but nobody has looked at, and `add`s it; synchronous. */
  constructor(receive?: () => void) {
    this.#receive = receive;
  }

  /** Takes a segment in. */
  add(segment: Segment): void {
    this.#byId.set(segment.id, new Uint8Array(segment.memory));
  }

  /** Forgets a segment that no mapping names any more. */
  drop(id: number): void {
    this.#byId.delete(id);
    if (this.#lastId === id) this.#last = undefined;
    if (this.#lastId === id) this.#lastId = 0;
  }

  /** The bytes of a segment; undefined for 0 (a mapping without memory) and for one that was never handed over. */
  find(id: number): Uint8Array<SharedArrayBuffer> | undefined {
    if (id === this.#lastId) return this.#last;
    let bytes = this.#byId.get(id);
    if (bytes === undefined && id !== 0) {
      this.#receive?.();
      bytes = this.#byId.get(id);
    }
    if (bytes === undefined) return undefined;
    this.#lastId = id;
    this.#last = bytes;
    return bytes;
  }
}
