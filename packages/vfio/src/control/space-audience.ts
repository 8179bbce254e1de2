/**
 * The threads whose devices use one address space: they are handed the memory that mappings name before a mapping does,
 * and asked to have it unpinned before one goes. Private to the control thread.
 */
import { isMediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import type { DeviceFilesMessages } from '../device-files-protocol.js';
import type { Segment } from '../iommu/segment-table.js';
import type { SegmentAudience } from '../iommu/shared-segments.js';
import type { DeviceLink } from './device-link.js';

interface Listener {
  readonly actor: ActorRef<DeviceFilesMessages>;
  /** Uses of the space by devices of that thread. */
  users: number;
}

export class SpaceAudience implements SegmentAudience {
  /** Number of the space, by which threads know it. */
  readonly id: number;
  readonly #listeners = new Map<number, Listener>();

  constructor(id: number) {
    this.id = id;
  }

  /** A device is about to use the space. Its thread is sent all segments with the request that makes it do so. */
  add({ thread, actor }: DeviceLink): void {
    const listener = this.#listeners.get(thread);
    if (listener === undefined) this.#listeners.set(thread, { actor, users: 1 });
    else listener.users++;
  }

  remove({ thread }: DeviceLink): void {
    const listener = this.#listeners.get(thread);
    if (listener !== undefined && --listener.users === 0) this.#listeners.delete(thread);
  }

  share(segment: Segment): void | Promise<void> {
    return this.#askAll((actor) => actor.ask('shareSegment', this.id, segment));
  }

  unshare(id: number): void {
    void this.#askAll((actor) => actor.ask('dropSegment', this.id, id));
  }

  /** Has `dmaUnmap` of every device called. */
  notify(iova: bigint, size: bigint): void | Promise<void> {
    return this.#askAll((actor) => actor.ask('dmaUnmap', this.id, { iova, size }));
  }

  #askAll(ask: (actor: ActorRef<DeviceFilesMessages>) => Promise<void>): void | Promise<void> {
    if (this.#listeners.size === 0) return;
    // A thread that has ended uses nothing any more.
    const answers = [...this.#listeners.values()].map(({ actor }) => ask(actor).catch(ignoreDeath));
    return Promise.all(answers).then(() => {});
  }
}

function ignoreDeath(error: unknown): void {
  if (!isMediatedError(error, 'EIO') && !isMediatedError(error, 'ESHUTDOWN')) throw error;
}
