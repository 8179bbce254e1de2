/** Options of a runtime, their defaults and their check. */
import type { SystemOptions } from '../actor/system.js';
import { MediatedError } from '../errors.js';
import type { BusCapacity, BusSettings, Quirks } from './bus-memory.js';
import type { GateKind } from './gate.js';

export interface RuntimeOptions {
  /** Gate strategy of every parent (spec/mdev-core section 15). Default `rwsem`. */
  readonly gate?: GateKind;
  /** Kernel quirks as they are, or repaired. Default `kernel`. */
  readonly quirks?: Quirks;
  /** Most devices at once, up to 2^20 (1,048,576, the default). Memory is used as devices are created. */
  readonly maxDevices?: number;
  /** Most parents at once, up to 65,536. Default 1024. */
  readonly maxParents?: number;
  /** Milliseconds that a driver's probe may take before its create fails with ETIMEDOUT. Default 0: no limit. */
  readonly probeDeadline?: number;
  /**
   * Milliseconds that closing the runtime waits for devices in use, and that a driver's `stop` gets, before threads are
   * ended anyway. Default 5000.
   */
  readonly closeDeadline?: number;
  /**
   * Milliseconds after which a create or removal asked for by the supervising thread, still unanswered, has the driver's
   * thread checked: one that does not answer that check for as long either is stuck in a callback and is ended, as if it
   * had died. Default 0: never.
   */
  readonly hangDeadline?: number;
  /** Restarts of threads that died. Default: 3 within 5000 ms. */
  readonly restart?: SystemOptions['restart'];
}

/** Most milliseconds that a timer of Node takes. */
const LONGEST = 0x7fff_ffff;

const GATES: readonly GateKind[] = ['rwsem', 'refcount', 'srcu'];

function count(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const text = `${name} is ${value}; it is a whole number from ${least} to ${most}`;
  throw new MediatedError('EINVAL', text, { syscall: 'start' });
}

/** Checks options and fills in defaults. EINVAL names the option that is wrong. */
export function resolveOptions(options: RuntimeOptions): {
  settings: BusSettings;
  capacity: BusCapacity;
  closeDeadline: number;
  hangDeadline: number;
} {
  const { gate = 'rwsem', quirks = 'kernel' } = options;
  if (!GATES.includes(gate)) {
    throw new MediatedError('EINVAL', `gate is ${gate}; it is one of ${GATES.join(', ')}`, { syscall: 'start' });
  }
  if (quirks !== 'kernel' && quirks !== 'mended') {
    throw new MediatedError('EINVAL', `quirks is ${quirks}; it is kernel or mended`, { syscall: 'start' });
  }
  if (options.restart !== undefined) {
    count('restart.intensity', options.restart.intensity, 0, LONGEST);
    count('restart.period', options.restart.period, 0, LONGEST);
  }
  return {
    settings: {
      id: crypto.randomUUID(),
      gate,
      quirks,
      probeDeadline: count('probeDeadline', options.probeDeadline ?? 0, 0, LONGEST),
    },
    capacity: {
      devices: count('maxDevices', options.maxDevices ?? 2 ** 20, 1, 2 ** 20),
      parents: count('maxParents', options.maxParents ?? 1024, 1, 65_536),
    },
    closeDeadline: count('closeDeadline', options.closeDeadline ?? 5000, 0, LONGEST),
    hangDeadline: count('hangDeadline', options.hangDeadline ?? 0, 0, LONGEST),
  };
}
