/** What a parent is registered with, and the check of its name. Used by the supervising thread. */
import { MediatedError } from '../errors.js';

/** What to register. */
export interface ParentSpec {
  /** Name of the parent device, as in `/sys/class/mdev_bus/<name>`. */
  readonly name: string;
  /** Name of a loaded driver. */
  readonly driver: string;
  /** Threads of the driver that serve this parent; several run creates on it at once. Default 1. */
  readonly threads?: number;
  /** Path of the parent device below `/sys`. Default `/devices/virtual/<driver>/<name>`. */
  readonly path?: string;
  /** Subsystem of the parent device. Default: the driver's name. */
  readonly subsystem?: string;
  /** What type directories begin with: the name of the driver that the parent device is bound to. Default: as above. */
  readonly typePrefix?: string;
}

/** EINVAL unless it can be the name of a parent. */
export function checkParentName(name: string): void {
  if (/^(?!\.{1,2}$)[\w.:+-]{1,40}$/.test(name)) return;
  const text = `${JSON.stringify(name)} is no name for a parent: 1 to 40 letters, digits, . : + - _`;
  throw new MediatedError('EINVAL', text, { syscall: 'registerParent' });
}
