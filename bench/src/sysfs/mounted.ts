/** A mounted tree to measure on: one parent with quick devices. */
import { isMediatedError, Runtime } from '@mediated/core';
import { mountSysfs, type SysfsMount } from '@mediated/sysfs';

const TYPE = 'open-1';

export interface Mounted {
  readonly runtime: Runtime;
  readonly mount: SysfsMount;
  /** Directory of the parent, by its real path. */
  readonly parent: string;
  /** Directory of its type. */
  readonly type: string;
  close(): Promise<void>;
}

/** A tree, or why none can be mounted here. */
export async function mountTree(): Promise<Mounted | string> {
  const runtime = Runtime.start();
  try {
    await runtime.loadDriver(new URL('../open/open-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
    const mount = await mountSysfs(runtime);
    const parent = `${mount.path}/devices/virtual/open/parent`;
    return {
      runtime,
      mount,
      parent,
      type: `${parent}/mdev_supported_types/${TYPE}`,
      async close() {
        await mount.unmount();
        await runtime.close();
      },
    };
  } catch (error) {
    await runtime.close();
    if (isMediatedError(error)) return error.message;
    throw error;
  }
}

export function uuidOf(number: number): string {
  return `83b8f4f2-509f-382f-3c1e-${number.toString(16).padStart(12, '0')}`;
}
