/**
 * The way from one migration state to another, hop by hop (spec/vfio-core section 12). Called by state machines of drivers.
 * Computed, not tabled: the shortest path over the arcs that a device with these flags has, on which a state of the saving
 * group may lie only if the whole path stays in that group; and from STOP_COPY nothing leads back to pre-copy.
 */
import { MediatedError } from '@mediated/core';
import { MIGRATION_FLAGS, MIGRATION_STATES, type MigrationState } from '../uapi/migration.js';

const { stopCopy: FLAG_STOP_COPY, p2p: FLAG_P2P, preCopy: FLAG_PRE_COPY } = MIGRATION_FLAGS;
const ALL_FLAGS = FLAG_STOP_COPY | FLAG_P2P | FLAG_PRE_COPY;
const {
  stop: STOP,
  running: RUNNING,
  stopCopy: STOP_COPY,
  resuming: RESUMING,
  runningP2p: RUNNING_P2P,
  preCopy: PRE_COPY,
  preCopyP2p: PRE_COPY_P2P,
} = MIGRATION_STATES;

/** A step that a driver implements. */
export type MigrationArc = readonly [from: MigrationState, to: MigrationState];

/** What a device needs to be in a state. ERROR is nowhere on a way. */
const NEEDS = new Map<number, number>([
  [STOP, FLAG_STOP_COPY],
  [RUNNING, FLAG_STOP_COPY],
  [STOP_COPY, FLAG_STOP_COPY],
  [RESUMING, FLAG_STOP_COPY],
  [RUNNING_P2P, FLAG_STOP_COPY | FLAG_P2P],
  [PRE_COPY, FLAG_STOP_COPY | FLAG_PRE_COPY],
  [PRE_COPY_P2P, ALL_FLAGS],
]);

/** States in which a stream is being saved. */
const SAVING = new Set<number>([STOP_COPY, PRE_COPY, PRE_COPY_P2P]);

/** The steps that a driver with these flags implements, and no others. */
export function migrationArcs(flags: number): readonly MigrationArc[] {
  const p2p = (flags & FLAG_P2P) !== 0;
  const preCopy = (flags & FLAG_PRE_COPY) !== 0;
  const bothWays = (one: MigrationState, other: MigrationState): MigrationArc[] => [
    [one, other],
    [other, one],
  ];
  return [
    ...bothWays(STOP, RESUMING),
    ...bothWays(STOP, STOP_COPY),
    ...(p2p ? [...bothWays(RUNNING, RUNNING_P2P), ...bothWays(RUNNING_P2P, STOP)] : bothWays(RUNNING, STOP)),
    ...(preCopy ? bothWays(RUNNING, PRE_COPY) : []),
    ...(preCopy && !p2p ? [[PRE_COPY, STOP_COPY] as const] : []),
    ...(preCopy && p2p
      ? [
          ...bothWays(PRE_COPY, PRE_COPY_P2P),
          ...bothWays(RUNNING_P2P, PRE_COPY_P2P),
          [PRE_COPY_P2P, STOP_COPY] as const,
        ]
      : []),
  ];
}

/** First hops by flags, state, target; made when first asked for. */
const hops = new Map<number, ReadonlyMap<number, ReadonlyMap<number, MigrationState>>>();

/**
 * The state to go to first on the way from `current` to `target`; `current` itself when it is the target.
 * Errors: EINVAL (a state that a device with these flags does not have; ERROR; there is no way).
 */
export function nextHop(flags: number, current: number, target: number): MigrationState {
  const capable = flags & ALL_FLAGS;
  let table = hops.get(capable);
  if (table === undefined) {
    table = allHops(capable);
    hops.set(capable, table);
  }
  const hop = table.get(current)?.get(target);
  if (hop !== undefined) return hop;
  throw new MediatedError('EINVAL', `no way from migration state ${current} to ${target}`, { syscall: 'ioctl' });
}

function allHops(flags: number): Map<number, Map<number, MigrationState>> {
  const supported = [...NEEDS].filter(([, needs]) => (needs & ~flags) === 0).map(([state]) => state as MigrationState);
  const arcs = migrationArcs(flags);
  return new Map(supported.map((from) => [from, hopsFrom(from, arcs)]));
}

/** Breadth first. A path is told by its first hop and by whether it has been in the saving group all the time. */
function hopsFrom(from: MigrationState, arcs: readonly MigrationArc[]): Map<number, MigrationState> {
  const found = new Map<number, MigrationState>([[from, from]]);
  let front: { at: MigrationState; first: MigrationState | undefined; saving: boolean }[] = [
    { at: from, first: undefined, saving: SAVING.has(from) },
  ];
  while (front.length > 0) {
    const next: typeof front = [];
    for (const { at, first, saving } of front) {
      // What lies between the ends of a path that was elsewhere is no state of the group.
      if (at !== from && SAVING.has(at) && !saving) continue;
      for (const [start, to] of arcs) {
        if (start !== at || found.has(to)) continue;
        const inGroup = saving && SAVING.has(to);
        // A path that leaves the group leaves it by its first hop.
        if (saving && !inGroup && at !== from) continue;
        const hop = first ?? to;
        if (!isBanned(from, to)) found.set(to, hop);
        next.push({ at: to, first: hop, saving: inGroup });
      }
    }
    front = next;
  }
  return found;
}

function isBanned(from: MigrationState, to: MigrationState): boolean {
  return from === STOP_COPY && (to === PRE_COPY || to === PRE_COPY_P2P);
}
