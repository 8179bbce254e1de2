/**
 * What a storm does, and which refusals the kernel would give. Read by clients, by the supervisor and by the report.
 */
import type { ErrnoName, GateKind } from '@mediated/core';

/** Operations in the order of a device's life; the last two are the supervisor's. */
export const OPERATIONS = [
  'create',
  'open',
  'access',
  'close',
  'remove',
  'remove file',
  'unregister',
  'register',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/**
 * Refusals by errno. Whatever else comes is a violation (spec: mdev-core 7, 8; vfio-core: open of a device that goes).
 *
 * ENOENT: there is no device, or no `remove` file, of that name, so that a program would fail to open the file.
 * ENODEV: it was there when looked up and is gone now, or its parent is being unregistered.
 */
const REFUSALS: Readonly<Record<OperationName, readonly ErrnoName[]>> = {
  create: ['EEXIST', 'EUSERS', 'ENOSPC', 'ENODEV'],
  open: ['ENOENT', 'ENODEV'],
  access: [],
  close: [],
  remove: ['ENOENT', 'ENODEV', 'EAGAIN'],
  'remove file': ['ENOENT', 'ENODEV', 'EAGAIN'],
  unregister: [],
  register: [],
};

/** Would the kernel give this errno? The refcount gate answers a create that comes too late with EINVAL, as posted. */
export function isKernelRefusal(operation: OperationName, code: string, gate: GateKind): boolean {
  if (operation === 'create' && code === 'EINVAL') return gate === 'refcount';
  return (REFUSALS[operation] as readonly string[]).includes(code);
}
