/** Old code of vfio: before device sets, and before first open and last close were the core's (spec/vfio-core section 22). */
import type { Edit } from './old-code.fixture.js';

/** Drivers hear of every file. */
const CALLBACKS_PER_FILE: readonly Edit[] = [
  { module: 'vfio/first-open', from: 'if (count !== 1)\n            return count;', to: '' },
  {
    module: 'vfio/first-open',
    from: 'if (!lastUser)\n                return device.addOpenCount(-1);',
    to:
      'if (!lastUser)\n' +
      'return Promise.resolve(this.#driver.operations.closeDevice?.(device)).then(() => device.addOpenCount(-1));',
  },
];

export const OLD_SETS: Readonly<Record<string, readonly Edit[]>> = {
  /** 2: what `init` has taken of the memory is not given back when the device cannot be registered. */
  'budget-not-unwound': [
    {
      module: 'vendors/mbochs/driver',
      from: 'release({ data }) {\n                memory.release(data.type.megabytes);',
      to: 'release({ data, mdev }) {\n                if (mdev.driverData !== undefined) memory.release(data.type.megabytes);',
    },
  ],
  /** 2, as it was in 5.10: the memory that is left is looked at first, and counted when the display is made. */
  'budget-tested-then-taken': [
    {
      module: 'vendors/mbochs/budget',
      from: 'if (!budget.tryAcquire(megabytes)) {',
      to: 'if (budget.value < megabytes) {',
    },
    {
      module: 'vendors/mbochs/budget',
      from: 'return make();',
      to: 'const made = make(); budget.tryAcquire(megabytes); return made;',
    },
  ],
  /** 3: a device that could not be registered stays in its set. */
  'set-kept-by-failed-device': [
    {
      module: 'vfio/vfio-driver',
      from: 'return Promise.resolve(this.#release(device)).then(() => Promise.reject(error));',
      to: 'return Promise.resolve(this.#releaseOwn(device)).then(() => Promise.reject(error));',
    },
  ],
  /** 4, 11, 12, 13: open and close for every file. */
  'callbacks-per-file': CALLBACKS_PER_FILE,
  /** 4: nothing keeps first opens and last closes of devices that are reset together apart. */
  'no-set-mutex': [
    {
      module: 'vfio/device-files',
      from: 'opened = underMutex(device.set.mutex, () => this.#first.open(device, held));',
      to: 'opened = this.#first.open(device, held);',
    },
  ],
  /** 6: the lock of a container is found by walking to the container, which must be bound. */
  'lock-found-in-container': [
    {
      module: 'vfio/fsl-mc/define-fsl-mc-driver',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the code as it stands
      from: 'deviceSet: ({ data }) => `fsl-mc/${records.nodes[data.node.containerPlace]?.name}`,',
      to:
        'deviceSet({ data }) { const container = records.nodes[data.node.containerPlace];' +
        "if (container !== data.node && !records.isBound(container)) throw new MediatedError('ENODEV', 'no container');" +
        "return 'fsl-mc/' + container.name; },",
    },
  ],
  /** 6, in 5.10: the last close of any object resets the whole container. */
  'container-reset-at-close': [
    {
      module: 'vfio/fsl-mc/mc-device',
      from: 'this.#regions = this.#hardware;',
      to: 'this.#regions = this.#hardware; (globalThis.mcDevices ??= new Set()).add(this);',
    },
    {
      module: 'vfio/fsl-mc/mc-device',
      from: "await this.reset().catch((error) => this.#failed('reset', error));",
      to: 'for (const device of globalThis.mcDevices) await device.reset();',
    },
  ],
  /** 7: one lock for all platform devices. */
  'one-lock-for-all': [
    {
      module: 'vfio/platform/define-platform-driver',
      from: '...mmioOperations(),',
      to: "...mmioOperations(), deviceSet: () => 'platform',",
    },
  ],
};
