/** Old code of drivers, as their pages tell of it ("before", "5.10", "posted"). */
import type { Edit } from './old-code.fixture.js';

export const OLD_VENDORS: Readonly<Record<string, readonly Edit[]>> = {
  /** common: instances as posted with the life cycle of vfio-ccw, a counter for each type. */
  'counted-per-type': [
    {
      module: 'core/mdev/parent-shard',
      from: 'if (!instances.tryAcquire()) {',
      to:
        'const used = (this.used ??= {});\n' +
        'if ((used[type] ?? 0) < 4) { used[type] = (used[type] ?? 0) + 1; } else {',
    },
    { module: 'core/mdev/parent-shard', from: 'words[base + DEVICE_STATE] = COUNTED;', to: '' },
    {
      module: 'core/mdev/parent-actor',
      from: 'return instances.value;',
      to: 'return 4 - (shard.used?.[type] ?? 0);',
    },
  ],
  /** ap: a removal is refused while a guest is attached. */
  'ap-removal-refused': [
    {
      module: 'vendors/ap/operations',
      from: 'openDevice: ({ data, kvm }) =>',
      to:
        "admitRemove(device) { if (device.openCount > 0) throw new MediatedError('EBUSY', 'a guest is attached'); },\n" +
        'openDevice: ({ data, kvm }) =>',
    },
  ],
  /** ap in 5.10: the matrix of a device with a guest is not changed. */
  'ap-assignment-refused': [
    {
      module: 'vendors/ap/assignment',
      from: 'const mask = record.matrix[dimension];\n    if (hasBit(mask, id))\n        return;\n    setBit(mask, id);',
      to:
        "if (record.guest !== undefined) throw new MediatedError('EBUSY', 'a guest is attached');\n" +
        'const mask = record.matrix[dimension];\n    if (hasBit(mask, id))\n        return;\n    setBit(mask, id);',
    },
  ],
  /** mtty in 5.10: a create does not look at the ports that are left. */
  'mtty-unlimited': [
    {
      module: 'vendors/mtty/driver',
      from: 'if (ports.tryAcquire(wanted))',
      to: 'if (ports.tryAcquire(wanted) || true)',
    },
  ],
  /** gvt: pages stay pinned until the vGPU is destroyed. */
  'gvt-unpins-late': [{ module: 'vendors/gvt/vgpu', from: 'this.dma.clear();', to: '' }],
};
