/** A mounted tree to measure on: one parent with quick devices. */
import { isMediatedError, Runtime } from '@mediated/core';
import { mountSysfs, type SysfsMount } from '@mediated/sysfs';
import { outside } from '../harness/outside.js';
import { type PartResult, unmeasured } from '../harness/part.js';

const TYPE = 'open-1';

export interface Mounted {
  readonly runtime: Runtime;
  readonly mount: SysfsMount;
  /** Directory of the parent, by its real path. */
  readonly parent: string;
  /** Directory of its type. */
  readonly type: string;
}

/** Gives a tree while `use` runs; or says why none can be mounted here. */
export async function withTree(use: (mounted: Mounted) => Promise<PartResult>): Promise<PartResult> {
  const runtime = Runtime.start();
  try {
    await runtime.loadDriver(new URL('../open/open-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
    const mount = await mountSysfs(runtime).catch((error: unknown) => {
      if (isMediatedError(error)) return error.message;
      throw error;
    });
    if (typeof mount === 'string') return unmeasured(mount);
    const parent = `${mount.path}/devices/virtual/open/parent`;
    const type = `${parent}/mdev_supported_types/${TYPE}`;
    return await outside(
      () => mount.unmount(),
      () => use({ runtime, mount, parent, type }),
    );
  } finally {
    await runtime.close();
  }
}

export function uuidOf(number: number): string {
  return `83b8f4f2-509f-382f-3c1e-${number.toString(16).padStart(12, '0')}`;
}
