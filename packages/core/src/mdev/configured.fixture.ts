/**
 * A driver that is what its load options say (`configured.test.ts`). Each parent has a budget and two words of its own;
 * word 0: devices probed, by any thread. A device whose type is `stubborn` refuses its first `words[1]` removals, and
 * one removal that it admits waits for a turn of the event loop.
 */
import { defineMdevDriver, type DriverConfiguration, MediatedError } from '#dist/index.js';

/** Its load options. */
export interface ConfiguredOptions {
  readonly configuration?: DriverConfiguration;
  readonly fail?: string;
}

export default defineMdevDriver({
  name: 'configured',
  deviceApi: 'vfio-pci',
  types: [],
  configure(options, threads) {
    const { configuration = {}, fail } = options as ConfiguredOptions;
    if (fail !== undefined) throw new MediatedError('ENOMEM', fail);
    return { options: { threads }, ...configuration };
  },
  start: ({ options, shard }) => ({
    probe({ type: { parentDevice } }) {
      const { budgets, memory } = parentDevice;
      if (budgets.seats?.tryAcquire() === false) throw new MediatedError('ENOSPC', 'no seat is free');
      if (memory.words !== undefined) Atomics.add(memory.words, 0, 1);
    },
    remove({ type }) {
      type.parentDevice.budgets.seats?.release();
    },
    async admitRemove({ type }) {
      if (type.sysfsName !== 'stubborn') return;
      const { words } = type.parentDevice.memory;
      if (Atomics.sub(words, 1, 1) > 0) throw new MediatedError('EBUSY', 'not yet');
      await new Promise((resolve) => setImmediate(resolve));
    },
    getAvailable: ({ parentDevice }) => parentDevice.budgets.seats?.value ?? 0,
    reportAvailable: (type, available) => (type.sysfsName === 'liar' ? available + 100 : available),
    parentAttributes: [
      { path: 'seats/free', show: ({ budgets }) => `${budgets.seats?.value}\n` },
      {
        path: 'seats/probed',
        show: ({ memory }) => `${Atomics.load(memory.words, 0)}\n`,
        store({ memory }, text) {
          if (!/^\d+\n?$/.test(text)) throw new MediatedError('EOVERFLOW', 'no number');
          Atomics.store(memory.words, 0, Number(text));
        },
      },
      { path: 'unplug', store: (parent) => parent.unplug() },
      { path: 'about', show: (parent) => `${JSON.stringify({ name: parent.name, shard, options })}\n` },
    ],
  }),
});
