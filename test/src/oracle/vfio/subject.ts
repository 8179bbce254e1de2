/** A device that a recorder used, and what of it its program has open. Kept by `session.ts`. */
import type { Mdev } from '@mediated/core';

/** An open container and what is known of it. */
export interface Container {
  descriptor: number | undefined;
  hasIommu: boolean;
}

/** A device that the recorder used, and the files of it that are open. */
export class Subject {
  readonly uuid: string;
  readonly type: string;
  mdev: Mdev | undefined;
  group: number | undefined;
  container: Container | undefined;
  /** Open files of the device, the oldest first. */
  devices: number[] = [];
  lastClosed: number | undefined;
  /** Where regions lie in the device's file, by index. */
  readonly regions = new Map<number, { offset: number; size: number }>();

  constructor(uuid: string, type: string) {
    this.uuid = uuid;
    this.type = type;
  }
}
