/**
 * Words of the shared slots that describe mdevs and parents, and who may write which.
 * Read by every room above; written by the owner named here only. Slot words 0 and 1 are the arena's.
 */

/**
 * A device slot (128 bytes). Its owner is the thread on which the device was probed; unless a rule below says
 * otherwise, only that thread writes the words, any thread may read them and must check the generation afterwards.
 *
 * STATE   bits below.
 * UUID    four words, big endian; written before the slot is inserted into the UUID table.
 * NEXT    the UUID table's chain.
 * ORDER   position among the parent's children.
 * IDS     numbers plus one that the device's framework took from the bus's two allocators (IOMMU group, vfio device);
 *         the framework writes them, release and recovery give back what is left.
 * NAME    of a device that is not on the mdev bus: name id plus one of its path below the parent; 0 on the mdev bus.
 * FRAMEWORK the first of the words that a device framework (vfio) uses for itself.
 */
export const DEVICE_STATE = 2;
export const DEVICE_UUID = 3;
export const DEVICE_NEXT = 7;
export const DEVICE_PARENT = 8;
export const DEVICE_PARENT_GENERATION = 9;
export const DEVICE_TYPE = 10;
export const DEVICE_SHARD = 11;
export const DEVICE_ORDER = 12;
export const DEVICE_IDS = 13;
export const DEVICE_NAME = 15;
export const DEVICE_FRAMEWORK = 16;
export const DEVICE_WORDS = 32;
/** The bus of mediated devices. */
export const MDEV_BUS = 'mdev';
/** Words of a device slot at a framework's disposal. */
export const FRAMEWORK_WORDS = DEVICE_WORDS - DEVICE_FRAMEWORK;

/** Creation is complete and nobody has claimed the removal (the core's `active`). */
export const ACTIVE = 1;
/** The `remove` file exists. */
export const REMOVE_FILE = 2;
/** On the bus: `/sys/bus/mdev/devices/<uuid>` exists. */
export const ON_BUS = 4;
/** Bound to the parent's driver. */
export const BOUND = 8;
/** `mdev_type` and `devices/<uuid>` exist. */
export const LINKED = 16;
/** The device's directory exists. */
export const ADDED = 32;
/** The instance counter was decremented for this device. */
export const COUNTED = 64;

/**
 * A driver slot: NAME is the driver's name id plus one, 0 while it is not on the bus. Written by the supervising thread.
 */
export const DRIVER_NAME = 2;
export const DRIVER_WORDS = 4;

/** Word of the bus's flags that `drivers_autoprobe` shows. It changes nothing: no driver ever matches. Any thread. */
export const AUTOPROBE = 0;
/** Word of the bus's flags that counts requests of hot unplugs (`unplug.ts`). Any thread, by add. */
export const UNPLUGS = 1;
/**
 * Thread and number of the actor that a framework has for the whole bus (`framework-actors.ts`); number 0: there is none.
 * Supervising thread.
 */
export const FRAMEWORK_THREAD = 2;
export const FRAMEWORK_ACTOR = 3;
/**
 * Thread and number of the actor that reserves UUIDs in a wider space than the bus's (`reserver.ts`); number 0: there is none.
 * Supervising thread.
 */
export const RESERVER_THREAD = 4;
export const RESERVER_ACTOR = 5;
export const FLAG_WORDS = 6;

/**
 * A parent slot (1 KiB). Written by the supervising thread while it registers and unregisters the parent, except
 * STATE (the home shard may set DEAD), ORDER (atomic add by any shard) and UNPLUG.
 *
 * SHARDS  per shard: thread, parent actor, framework actor.
 * TYPES   per type: name ids of its directory (`mtty-1`) and of its `name` attribute.
 */
export const PARENT_STATE = 2;
export const PARENT_NAME = 3;
export const PARENT_DRIVER = 4;
export const PARENT_PATH = 5;
export const PARENT_API = 6;
export const PARENT_MAX_INSTANCES = 7;
export const PARENT_ORDER = 8;
export const PARENT_TYPE_COUNT = 9;
export const PARENT_SHARD_COUNT = 10;
export const PARENT_SUBSYSTEM = 11;
/** 1 when the driver shows descriptions. */
export const PARENT_DESCRIBES = 12;
/** Name id of the bus that its devices are on. */
export const PARENT_BUS = 13;
/** How many attributes of its own the driver gives the parent. */
export const PARENT_FILES = 14;
/** Hot unplug wanted; owner rule in `unplug.ts`. */
export const PARENT_UNPLUG = 15;
export const PARENT_SHARDS = 16;
export const SHARD_WORDS = 3;
/** Most threads that one driver is loaded on. */
export const MAX_SHARDS = 16;
export const PARENT_TYPES = PARENT_SHARDS + MAX_SHARDS * SHARD_WORDS;
export const TYPE_WORDS = 2;
/** Most types of one parent. */
export const MAX_TYPES = 96;
export const PARENT_WORDS = PARENT_TYPES + MAX_TYPES * TYPE_WORDS;

/** Values of PARENT_STATE; 0 while it is being registered. */
export const PARENT_LIVE = 1;
/** Sticky: set when unregistration has shut the gate; no create or remove enters any more (quirk Q3 is not kept). */
export const PARENT_DEAD = 2;
