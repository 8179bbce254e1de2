/**
 * Breaks one thing that happens after a thread's death, to see that a chaos run notices: `pnpm chaos --break NAME`, and the
 * run's test, which breaks each of them. Supervising thread, before the first driver is loaded, unless said otherwise.
 */
import { openSync } from 'node:fs';
import type { Runtime } from '@mediated/core';
import { ThreadTable } from '@mediated/core/sync';
import type { LockYard } from './lock-yard.js';

type Break = (runtime: Runtime, yard: LockYard) => void;

const nothing = () => {};

/** What can be broken. */
export const BREAKAGES = {
  /** Locks of clients stay held. */
  locks: (_runtime, { space }) => {
    space.recover = nothing;
  },
  /** Gates stay entered, instances and budgets taken. */
  'bus locks': ({ bus }) => {
    bus.memory.locks.recover = nothing;
  },
  uuids: ({ bus }) => {
    bus.memory.uuids.remove = () => true;
  },
  slots: ({ bus }) => {
    bus.memory.devices.free = nothing;
  },
  numbers: ({ bus }) => {
    bus.memory.groups.free = nothing;
  },
  /** Clients do not notice that a thread has ended which they have asked something. Done by the clients. */
  asks: nothing,
  ids: () => {
    const table = ThreadTable.current();
    const reap = table.reap.bind(table);
    table.reap = (id) => reap(id, { keep: true });
  },
  /** What dead clients had open stays open. Done by the driver. */
  files: nothing,
  /** A descriptor is left behind by every death. */
  descriptors: () => {
    ThreadTable.current().onDeath(() => openSync('/dev/null', 'r'));
  },
} satisfies Record<string, Break>;
export type Breakage = keyof typeof BREAKAGES;
export const BREAKAGE_NAMES = Object.keys(BREAKAGES) as Breakage[];
