/** Old code of the mdev core: the two postings of 2019 and the core's log (spec/mdev-core section 17). */
import type { Edit } from './old-code.fixture.js';

/** No gate: whoever comes is let in, unregistration waits for nobody. */
const WITHOUT_GATE: readonly Edit[] = [
  {
    module: 'core/mdev/gate-rwsem',
    from: 'if (this.#semaphore.tryRead())',
    to: '',
  },
  { module: 'core/mdev/gate-rwsem', from: 'this.#semaphore.unlockRead();', to: '' },
  { module: 'core/mdev/gate-rwsem', from: 'this.#writing = await this.#semaphore.write();', to: '' },
  {
    module: 'core/mdev/parent-shard',
    from: 'if (Atomics.load(this.#memory.parents.words, this.#parentBase + PARENT_STATE) !== PARENT_DEAD)',
    to: '',
  },
];

export const OLD_CORE: Readonly<Record<string, readonly Edit[]>> = {
  /** v1-1 = v2-1: registering twice, the error path drops what belongs to the first registration. */
  'reference-dropped-in-error-path': [
    {
      module: 'core/mdev/parent-registry',
      from: '// The kernel reports every failure to make the directory, this one too, as ENOMEM (quirk Q4).',
      to: 'this.#memory.parents.free(this.#parents.get(path).index);',
    },
  ],
  /** v1-4 = v2-4: whatever the vendor says against a removal, the caller hears EBUSY. */
  'errors-masked': [
    {
      module: 'core/mdev/parent-shard',
      from: "catch (error) {\n            throw driverFailure(name, 'admitRemove', error);",
      to: "catch (error) {\n            throw Object.assign(driverFailure(name, 'admitRemove', error), { code: 'EBUSY' });",
    },
  ],
  /** v1-5 = v2-5: the links go last, not first. */
  'links-removed-last': [
    {
      module: 'core/mdev/parent-shard',
      from: 'device.change(0, LINKED | REMOVE_FILE);',
      to: 'device.change(0, REMOVE_FILE);',
    },
    { module: 'core/mdev/parent-shard', from: 'device.change(0, ADDED);', to: 'device.change(0, ADDED | LINKED);' },
  ],
  /** v1-6 = v2-6: a removal can fail, and the first that does ends the iteration over the children. */
  'iteration-aborts': [
    {
      module: 'core/mdev/binding',
      from: 'this.#report(device, error);\n        }\n        this.#detached(device);\n        return undefined;',
      to: 'throw error;\n        }\n        this.#detached(device);\n        return undefined;',
    },
  ],
  /** Before v1-7 and v2-10: no gate. */
  'no-gate': WITHOUT_GATE,
  /** The same, and unregistration skips children whose removal somebody else has begun ("not active"). */
  'no-gate-skips-inactive': [
    ...WITHOUT_GATE,
    {
      module: 'core/mdev/parent-actor',
      from: 'if (device !== undefined)\n                await shard.removeChild(device);',
      to: 'if (device !== undefined && (device.state & 1) !== 0)\n                await shard.removeChild(device);',
    },
  ],
  /** v2-8 (522ecce0): the bus driver's probe comes before the vendor's create. */
  'registered-before-init': [
    {
      module: 'vfio/vfio-driver',
      from: 'device.data = await data;\n        await this.#register(device);',
      to: 'await this.#register(device);\n        device.data = await data;',
    },
  ],
  /** v2-8 (522ecce0): the vendor's remove comes before the device leaves the bus, with users at work. */
  'vendor-removes-first': [
    {
      module: 'vfio/vfio-driver',
      from: 'device.listed = false;\n',
      to: 'device.listed = false;\n        void this.operations.release?.(device);\n',
    },
    { module: 'vfio/vfio-driver', from: 'return this.operations.release?.(device);', to: '' },
  ],
  /** Before v2-9 (part of 522ecce0): a failed write to `remove` makes the file anew. */
  'remove-file-made-anew': [
    {
      module: 'core/mdev/parent-shard',
      from: "if (result === -ERRNO.EAGAIN && this.#memory.settings.quirks === 'mended')",
      to: 'if (result < 0)',
    },
  ],
  /** 5715c4dd as merged: the rwsem is free again after unregistration, and nothing else keeps a late remover out. */
  'gate-opens-again': [
    {
      module: 'core/mdev/parent-shard',
      from: 'if (Atomics.load(this.#memory.parents.words, this.#parentBase + PARENT_STATE) !== PARENT_DEAD)',
      to: '',
    },
  ],
  /** Before 002fe996: duplicates are looked for among the parent's own; a foreign one shows at the bus link, late. */
  'uuid-checked-per-parent': [
    {
      module: 'core/mdev/parent-shard',
      from: 'if (!uuids.insertIfAbsent(index)) {',
      to:
        'const twin = uuids.lookup(u0, u1, u2, u3);\n' +
        'const foreign = twin >= 0 && words[devices.base(twin) + DEVICE_PARENT] !== this.#parts.parent;\n' +
        'if (!foreign && !uuids.insertIfAbsent(index)) {',
    },
    {
      module: 'core/mdev/parent-shard',
      from: 'const device = new MdevDevice(devices, index, devices.generation(index), this.#parts.types[type]);',
      to:
        'if (foreign) { gate.exit(token); this.#release(index); return -ERRNO.EEXIST; }\n' +
        'const device = new MdevDevice(devices, index, devices.generation(index), this.#parts.types[type]);',
    },
  ],
  /** Before 002fe996: a parent's creates and removals come one after the other. */
  'parent-serialised': [
    {
      module: 'core/mdev/parent-actor',
      from: 'const result = shard.create(type, u0, u1, u2, u3);',
      to:
        'const result = (shard.turn = Promise.resolve(shard.turn).catch(() => {})' +
        '.then(() => shard.create(type, u0, u1, u2, u3)));',
    },
  ],
  /** Before 002fe996: a removal that comes before the create has ended finds no device. */
  'half-made-is-absent': [
    {
      module: 'core/mdev/parent-shard',
      from: 'if ((device.state & ACTIVE) === 0)\n            return -ERRNO.EAGAIN;',
      to: 'if ((device.state & ACTIVE) === 0)\n            return -ERRNO.ENODEV;',
    },
  ],
  /** Before 002fe996: a removal does not claim the device; another one may begin meanwhile. */
  'removal-unclaimed': [{ module: 'core/mdev/parent-shard', from: 'device.change(0, ACTIVE);', to: '' }],
  /** Before 8ac13175: nobody can say that an IOMMU isolates a mediated device. */
  'no-iommu-device': [
    {
      module: 'vfio/vfio-driver',
      from: 'device.iommuDevice = this.operations.iommuDevice?.(device);',
      to: '',
    },
  ],
  /** Before 6c7f98b3: one bus driver for the devices of all vendors. */
  'one-bus-driver': [
    {
      module: 'core/mdev/parent-shard',
      from: 'const driverName = this.#memory.parents.words[this.#parentBase + PARENT_DRIVER];',
      to: "const driverName = this.#memory.names.intern('vfio_mdev');",
    },
  ],
  /** Before 2aa72ec9: the `remove` file is made with the links, after the `add` event. */
  'remove-file-made-late': [
    {
      module: 'core/mdev/parent-shard',
      from: 'device.change(ADDED | REMOVE_FILE | ON_BUS, 0);',
      to: 'device.change(ADDED | ON_BUS, 0);',
    },
    {
      module: 'core/mdev/parent-shard',
      from: 'device.change(LINKED | ACTIVE, 0);',
      to: 'device.change(LINKED | ACTIVE | REMOVE_FILE, 0);',
    },
  ],
  /** Before 89345d51: a list of all parents says EEXIST. */
  'parents-listed': [
    {
      module: 'core/mdev/parent-registry',
      from: '// The kernel reports every failure to make the directory, this one too, as ENOMEM (quirk Q4).',
      to: "throw new MediatedError('EEXIST', 'a parent in the list', { syscall: 'registerParent' });",
    },
  ],
};
