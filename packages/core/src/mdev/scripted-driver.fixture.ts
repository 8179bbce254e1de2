/**
 * A driver that does what the test says: its types name how a probe or a removal goes, and a shared board (`board.fixture.ts`)
 * lets the test hold and release each of them. Query of the module's URL: `max` (instances), `available` (the driver
 * counts for itself, and answers with this).
 */
import { defineMdevDriver, type MdevDevice, type MdevDriver, MediatedError } from '@mediated/core';
import { BoardSide, type Step } from './board.fixture.js';

const query = new URL(import.meta.url).searchParams;
const available = query.get('available');

/** What a type's callbacks do; the name says it. Default of each: nothing. */
const CALLBACKS: Record<string, { probe?(side: Side): unknown; remove?(side: Side): unknown }> = {
  plain: {},
  held: { probe: (side) => side.held('probe') },
  busy: { remove: (side) => side.held('remove') },
  full: {
    probe: () => {
      throw new MediatedError('ENOSPC', 'no room for another');
    },
  },
  broken: {
    probe: () => {
      throw new TypeError('a slip');
    },
  },
  rejecting: { probe: () => Promise.reject(new MediatedError('EBUSY', 'not now')) },
  deferring: {
    probe: () => {
      throw Object.assign(new Error('later'), { code: 'EPROBE_DEFER' });
    },
  },
  nonsense: { probe: () => 7 },
  'late-nonsense': { probe: () => Promise.resolve('done') },
  careless: {
    remove: () => {
      throw new Error('remove threw');
    },
  },
  'late-careless': { remove: () => Promise.reject(new Error('remove rejected')) },
  fatal: { probe: () => process.exit(3) },
  hanging: {
    probe: () => {
      for (;;);
    },
  },
};

/** The types, in the order in which they are declared. */
export const SCRIPTED_TYPES = Object.keys(CALLBACKS);

/** A callback's view of its device's row on the board. */
class Side {
  readonly #board: BoardSide;
  readonly #device: number;

  constructor(board: BoardSide, device: MdevDevice) {
    this.#board = board;
    this.#device = Number.parseInt(device.uuid.slice(-4), 16);
  }

  note(step: Step): void {
    this.#board.note(step, this.#device);
  }

  /** Waits until the test lets this step go; rejects if it says so. */
  async held(step: 'probe' | 'remove'): Promise<void> {
    if ((await this.#board.released(step, this.#device)) === 'fail') throw new MediatedError('ENOSPC', 'told to fail');
  }
}

function run(side: Side, began: Step, ended: Step, callback: ((side: Side) => unknown) | undefined): unknown {
  side.note(began);
  const result = callback?.(side);
  if (!(result instanceof Promise)) {
    side.note(ended);
    return result;
  }
  return result.then((value: unknown) => {
    side.note(ended);
    return value;
  });
}

export default defineMdevDriver({
  name: 'scripted',
  deviceApi: 'vfio-pci',
  types: SCRIPTED_TYPES.map((sysfsName) => ({ sysfsName })),
  maxInstances: Number(query.get('max') ?? 16),
  start({ options }) {
    const board = new BoardSide(options as SharedArrayBuffer);
    const callbacks = (device: MdevDevice) => CALLBACKS[device.type.sysfsName];
    const driver = {
      probe: (device: MdevDevice) => run(new Side(board, device), 'probe', 'probed', callbacks(device).probe),
      remove: (device: MdevDevice) => run(new Side(board, device), 'remove', 'removed', callbacks(device).remove),
      ...(available === null ? {} : { getAvailable: () => Number(available) }),
    };
    return driver as MdevDriver;
  },
});
