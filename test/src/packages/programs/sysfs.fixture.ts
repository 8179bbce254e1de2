/** A tree, or the reason why there is none. Run by packed.e2e.test.ts in an empty project. */
import { readdir } from 'node:fs/promises';
import { isMediatedError, Runtime } from '@mediated/core';
import { mountSysfs } from '@mediated/sysfs';
import { mttyUrl } from '@mediated/vendors';

const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
try {
  const mount = await mountSysfs(runtime);
  const parents = await readdir(`${mount.path}/class/mdev_bus`);
  console.log(parents.includes('mtty'));
  await mount.unmount();
} catch (error) {
  // Where nothing can be mounted, all else works; the message says what is missing.
  if (!isMediatedError(error)) throw error;
  console.log(error.syscall === 'mount');
}
await runtime.close();
