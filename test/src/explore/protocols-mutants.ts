/** Mutants of what the protocols of a parent rely on: gates, the mark of a dead parent, claims and their return. */
import type { Mutant } from './mutant.js';

const CREATE = 'unregister (rwsem) and create';
const SLOW_CREATE = 'unregister (rwsem), create with a slow probe';
const SLOW_REMOVE = 'unregister (rwsem), remove with a user';

const PARENT_SHARD = 'mdev/parent-shard.js';
const PARENT_ACTOR = 'mdev/parent-actor.js';
const RWSEM = 'mdev/gate-rwsem.js';
const REFCOUNT = 'mdev/gate-refcount.js';
const SRCU = 'mdev/gate-srcu.js';

const PARENTS: readonly Mutant[] = [
  {
    name: 'create: goes on when the gate has refused it',
    file: PARENT_SHARD,
    from: `        if (token < 0)
            return token;`,
    to: '        if (token < 0)\n            return 0;',
    target: CREATE,
  },
  {
    name: 'create: keeps UUID and instance when the gate has refused it',
    file: PARENT_SHARD,
    from: `        if (token < 0) {
            this.#release(index);`,
    to: '        if (token < 0) {',
    target: CREATE,
  },
  {
    name: 'create: leaves the gate while the driver works, and once more',
    file: PARENT_SHARD,
    from: 'return attaching.then((late) => {',
    to: 'this.#parts.gate.exit(token);\n        return attaching.then((late) => {',
    target: SLOW_CREATE,
  },
  {
    name: 'create: looks whether an instance is left, then takes it without looking',
    file: PARENT_SHARD,
    from: 'if (!instances.tryAcquire()) {',
    to: 'if (instances.value === 0 || (instances.tryAcquire(), false)) {',
    target: 'create and create, one instance',
  },
  {
    name: 'create: looks whether the UUID is taken, then goes on whatever inserting it says',
    file: PARENT_SHARD,
    from: 'if (!uuids.insertIfAbsent(index)) {',
    to: 'if (uuids.lookup(u0, u1, u2, u3) >= 0 || (uuids.insertIfAbsent(index), false)) {',
    target: 'create and create, one UUID',
  },
  {
    name: 'remove: leaves the gate before the driver has answered',
    file: PARENT_SHARD,
    from: `        return removal.then(() => {
            this.#parts.gate.exit(token);`,
    to: '        this.#parts.gate.exit(token);\n        return removal.then(() => {',
    target: SLOW_REMOVE,
  },
  {
    name: 'a parent is not marked as dead',
    file: PARENT_ACTOR,
    from: 'Atomics.store(memory.parents.words, state, PARENT_DEAD);',
    to: '',
    target: CREATE,
  },
  {
    name: 'unregistration does not wait at the gate',
    file: PARENT_ACTOR,
    from: 'await gate.closeAndDrain();',
    to: '',
    target: SLOW_REMOVE,
  },
  {
    name: 'unregistration leaves the gate shut and held',
    file: PARENT_ACTOR,
    from: 'gate.finish();',
    to: '',
    target: CREATE,
  },
  {
    name: 'unregistration does not ask for the children of other threads',
    file: PARENT_ACTOR,
    from: "const theirs = await peer.ask('children').catch(() => []);",
    to: 'const theirs = [];',
    target: CREATE,
  },
];

const GATES: readonly Mutant[] = [
  {
    name: 'rwsem gate: waits, but is not held',
    file: RWSEM,
    from: 'this.#writing = await this.#semaphore.write();',
    to: '(await this.#semaphore.write()).release();',
    target: SLOW_CREATE,
  },
  {
    name: 'rwsem gate: is not left',
    file: RWSEM,
    from: 'this.#semaphore.unlockRead();',
    to: '',
    target: CREATE,
  },
  {
    name: 'rwsem gate: is left twice',
    file: RWSEM,
    from: 'this.#semaphore.unlockRead();',
    to: 'this.#semaphore.unlockRead(); this.#semaphore.unlockRead();',
    target: CREATE,
  },
  {
    name: 'refcount gate: lets in when it has found zero',
    file: REFCOUNT,
    from: 'if (this.#count.tryGet())',
    to: 'if (this.#count.tryGet() || true)',
    target: 'unregister (refcount) and create',
  },
  {
    name: 'refcount gate: does not wait for zero',
    file: REFCOUNT,
    from: 'return this.#count.zero();',
    to: 'return Promise.resolve();',
    target: 'unregister (refcount), remove with a user',
  },
  {
    name: 'srcu gate: looks at the parent before its read section',
    file: SRCU,
    from: `        const bank = this.#srcu.readLock();
        if (!this.#withdrawn.done)`,
    to: '        const open = !this.#withdrawn.done;\n        const bank = this.#srcu.readLock();\n        if (open)',
    target: 'unregister (srcu), create with a slow probe',
  },
  {
    name: 'srcu gate: no grace period',
    file: SRCU,
    from: 'await this.#srcu.synchronize();',
    to: '',
    target: 'unregister (srcu), remove with a user',
  },
  {
    name: 'srcu gate: the parent is not withdrawn',
    file: SRCU,
    from: 'this.#withdrawn.completeAll();',
    to: '',
    target: 'unregister (srcu), create with a slow probe',
  },
];

const FILES: readonly Mutant[] = [
  {
    name: 'open: takes no reference of the device',
    package: 'vfio',
    file: 'device-files.js',
    from: 'device?.listed && device.references.tryGet()',
    to: 'device?.listed',
    target: 'open, close and remove',
  },
  {
    name: 'close: keeps its reference of the device',
    package: 'vfio',
    file: 'device-files.js',
    from: 'file.device.references.put();',
    to: '',
    target: 'open, close and remove',
  },
  {
    name: 'close: does not close the device',
    package: 'vfio',
    file: 'device-files.js',
    from: 'const closed = underMutex(file.device.set.mutex, () => this.#first.close(file.device, used));',
    to: 'const closed = 0;',
    target: 'open, close and remove',
  },
  {
    name: 'close: the device is closed with the first of its files',
    package: 'vfio',
    file: 'first-open.js',
    from: 'if (device.openCount !== 1) {',
    to: 'if (false) {',
    target: 'open, close and remove, 2 files',
  },
  {
    name: 'removal does not wait for users',
    package: 'vfio',
    file: 'vfio-driver.js',
    from: 'return users.gone.then(() => {',
    to: 'return Promise.resolve().then(() => {',
    target: 'open, close and remove',
  },
  {
    name: 'removal keeps the reference that registration has taken',
    package: 'vfio',
    file: 'vfio-driver.js',
    from: 'if (device.references.put())',
    to: 'if (false)',
    target: 'open, close and remove',
  },
];

const SETS: readonly Mutant[] = [
  {
    name: 'device set: joined without the registry',
    package: 'vfio',
    file: 'set-table.js',
    from: 'underMutex(this.registry, () => this.#admit(device, key, bytes))',
    to: 'this.#admit(device, key, bytes)',
    target: 'device set',
  },
  {
    name: 'device set: a member that leaves stays counted',
    package: 'vfio',
    file: 'set-table.js',
    from: 'members.release();',
    to: '',
    target: 'device set',
  },
  {
    name: 'device set: given back with its first member',
    package: 'vfio',
    file: 'set-table.js',
    from: 'if (members.value === MOST_MEMBERS)\n            Atomics.store',
    to: 'Atomics.store',
    target: 'device set, 3 actors',
  },
  {
    name: 'device set: the record of a set whose members all died is not used again',
    package: 'vfio',
    file: 'set-table.js',
    from: 'if (this.#members(placeOf(record)).value === MOST_MEMBERS)',
    to: 'if (this.#words[placeOf(record) + HASH] === 0)',
    target: 'device set, deaths',
  },
  {
    name: 'device set: who has died stays a member',
    package: 'vfio',
    file: 'set-table.js',
    from: "registerLockRegion({ words, first: FIRST + MEMBERS, stride: RECORD_WORDS, count, kind: 'semaphore' })",
    to: '() => { }',
    target: 'device set, deaths',
  },
  {
    name: 'device set: its mutex is not taken when it is free',
    package: 'vfio',
    file: 'under-mutex.js',
    from: 'if (!mutex.tryLock())',
    to: 'if (mutex.owner < 0) return body();\n    if (!mutex.tryLock())',
    target: 'device set',
  },
];

export const PROTOCOL_MUTANTS: readonly Mutant[] = [...PARENTS, ...GATES, ...FILES, ...SETS];
