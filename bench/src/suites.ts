/**
 * The suites: their figures, what each is expected to reach, and the parts that measure them. Every part runs in a
 * fresh child process (`harness/part.worker.ts`); the main process only reads what they say about themselves.
 */
import { fleet } from './fleet/suite.js';
import { functions } from './functions/suite.js';
import { gate } from './gate/suite.js';
import { inbox } from './inbox/suite.js';
import { lifecycle } from './lifecycle/suite.js';
import { locks } from './locks/suite.js';
import { open } from './open/suite.js';
import { start } from './start/suite.js';
import type { Suite } from './suite.js';
import { sysfs } from './sysfs/suite.js';
import { vfio } from './vfio/suite.js';
import { vfioUser } from './vfio-user/suite.js';

/** All suites, in the order in which they run. */
export const SUITES: readonly Suite[] = [
  inbox,
  lifecycle,
  open,
  vfio,
  vfioUser,
  sysfs,
  locks,
  functions,
  start,
  fleet,
  gate,
];
