/**
 * Guest memory that mappings name, on the control thread: gives every piece a number, counts the mappings that name it,
 * and has it handed to the threads that use the container before the first of them does.
 */
import type { UserMemory } from './client-memory.js';
import type { Segment } from './segment-table.js';

/** How segments reach the threads that use the container (`SegmentTable.add` and `drop` there). */
export interface SegmentAudience {
  /**
   * Hands a segment to all of them; done when each has it or finds it in its mail (`SegmentTable`'s `receive`).
   * A thread that dies meanwhile is no failure.
   */
  share(segment: Segment): void | Promise<void>;
  /** No mapping names the segment any more. */
  unshare(id: number): void;
}

interface Entry {
  readonly segment: Segment;
  users: number;
  /** Until all threads have it. */
  sharing: Promise<void> | undefined;
}

/** The segments of one container. */
export class SharedSegments {
  readonly #audience: SegmentAudience;
  readonly #byMemory = new Map<SharedArrayBuffer, Entry>();
  readonly #byId = new Map<number, Entry>();
  #lastId = 0;

  constructor(audience: SegmentAudience) {
    this.#audience = audience;
  }

  /** All that mappings name: for a thread that begins to use the container. */
  all(): Segment[] {
    return [...this.#byId.values()].map(({ segment }) => segment);
  }

  /** One more use of a piece of memory. Await `sharing`, if it is there, before a mapping names the segment. */
  acquire({ memory }: UserMemory): { id: number; sharing: Promise<void> | undefined } {
    const entry = this.#byMemory.get(memory) ?? this.#add(memory);
    entry.users++;
    return { id: entry.segment.id, sharing: entry.sharing };
  }

  /** One use less. Does nothing for 0, a mapping without memory. */
  release(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || --entry.users > 0) return;
    this.#byId.delete(id);
    this.#byMemory.delete(entry.segment.memory);
    this.#audience.unshare(id);
  }

  #add(memory: SharedArrayBuffer): Entry {
    const entry: Entry = { segment: { id: ++this.#lastId, memory }, users: 0, sharing: undefined };
    this.#byMemory.set(memory, entry);
    this.#byId.set(entry.segment.id, entry);
    const shared = this.#audience.share(entry.segment);
    if (shared instanceof Promise) {
      const done = () => {
        entry.sharing = undefined;
      };
      entry.sharing = shared.then(done);
      entry.sharing.catch(done);
    }
    return entry;
  }
}
