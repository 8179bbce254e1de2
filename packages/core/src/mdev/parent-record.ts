/**
 * Writing of parent slots: by the supervising thread only, before the parent is live and after it is dead.
 */
import type { ActorHandle } from '../actor/actor-ref.js';
import type { BusMemory } from './bus-memory.js';
import type { TypeSpec } from './driver.js';
import {
  PARENT_API,
  PARENT_BUS,
  PARENT_DESCRIBES,
  PARENT_DRIVER,
  PARENT_FILES,
  PARENT_MAX_INSTANCES,
  PARENT_NAME,
  PARENT_PATH,
  PARENT_SHARD_COUNT,
  PARENT_SHARDS,
  PARENT_STATE,
  PARENT_SUBSYSTEM,
  PARENT_TYPE_COUNT,
  PARENT_TYPES,
  PARENT_WORDS,
  SHARD_WORDS,
  TYPE_WORDS,
} from './layout.js';

/** What a parent slot says. */
export interface ParentRecord {
  readonly name: string;
  readonly path: string;
  readonly subsystem: string;
  readonly typePrefix: string;
  readonly driver: string;
  readonly deviceApi: string;
  readonly bus: string;
  readonly describes: boolean;
  /** How many attributes of its own it has. */
  readonly files: number;
  readonly maxInstances: number;
  readonly types: readonly TypeSpec[];
}

/** Fills a slot in; the state word stays 0: it is being registered. */
export function writeParent(memory: BusMemory, index: number, record: ParentRecord): void {
  const { names } = memory;
  const { words } = memory.parents;
  const base = memory.parents.base(index);
  words.fill(0, base + PARENT_STATE, base + PARENT_WORDS);
  words[base + PARENT_NAME] = names.intern(record.name);
  words[base + PARENT_PATH] = names.intern(record.path);
  words[base + PARENT_SUBSYSTEM] = names.intern(record.subsystem);
  words[base + PARENT_DRIVER] = names.intern(record.driver);
  words[base + PARENT_API] = names.intern(record.deviceApi);
  words[base + PARENT_BUS] = names.intern(record.bus);
  words[base + PARENT_DESCRIBES] = record.describes ? 1 : 0;
  words[base + PARENT_FILES] = record.files;
  words[base + PARENT_MAX_INSTANCES] = record.maxInstances;
  words[base + PARENT_TYPE_COUNT] = record.types.length;
  record.types.forEach((type, i) => {
    const at = base + PARENT_TYPES + i * TYPE_WORDS;
    words[at] = names.intern(`${record.typePrefix}-${type.sysfsName}`);
    words[at + 1] = names.intern(type.prettyName ?? type.sysfsName);
  });
}

/** Adds the actors of a parent to its slot. */
export function writeShards(
  memory: BusMemory,
  index: number,
  shards: readonly { parent: ActorHandle; framework: number }[],
): void {
  const { words } = memory.parents;
  const base = memory.parents.base(index);
  shards.forEach((shard, i) => {
    const at = base + PARENT_SHARDS + i * SHARD_WORDS;
    words[at] = shard.parent.thread;
    words[at + 1] = shard.parent.actor;
    words[at + 2] = shard.framework;
  });
  words[base + PARENT_SHARD_COUNT] = shards.length;
}
