/**
 * The order of steps in a graph of kernel functions (`function() {`, `} /* function *\/`, or `function();` for one that
 * calls none of the traced): what corresponds to the framework's documented channels and to a driver's callbacks. Pure.
 */

/** Functions whose beginning and end are those of a step here. */
const STEPS: Readonly<Record<string, string>> = {
  mdev_device_create: 'create',
  mdev_probe: 'probe',
  mdev_remove: 'unbind',
  mdev_device_remove: 'remove',
  // From the parent's unregistration.
  mdev_device_remove_cb: 'remove',
};

/** Functions at whose end something has happened here. */
const DONE: Readonly<Record<string, string>> = { vfio_df_open: 'open', vfio_df_close: 'close' };

/** Callbacks of a driver by what follows the driver's name in the function's. */
const CALLBACKS: Readonly<Record<string, string>> = {
  init_dev: 'init',
  release_dev: 'release',
  open_device: 'openDevice',
  close_device: 'closeDevice',
  close: 'closeDevice',
  read: 'read',
  write: 'write',
  ioctl: 'ioctl',
  mmap: 'mmap',
};

/** The steps of a graph, as the traced driver names them. */
export function stepsOf(graph: readonly string[], driver: string): string[] {
  const steps: string[] = [];
  const open: string[] = [];
  const end = (name: string) => {
    const step = STEPS[name];
    const done = DONE[name];
    if (step !== undefined) steps.push(`} ${step}`);
    if (done !== undefined) steps.push(done);
  };
  for (const line of graph) {
    if (line.trim().startsWith('}')) {
      end(open.pop() ?? '');
      continue;
    }
    const [, name = '', rest = ''] = /^\s*(\w+)(?: \[\w+\])?\(\)(.*)$/.exec(line) ?? [];
    // A step within which nothing happened was refused: nothing was begun.
    const begins = rest.includes('{');
    const step = STEPS[name];
    if (step !== undefined && begins) steps.push(`${step} {`);
    const callback = callbackOf(name, driver, open.at(-1));
    if (callback !== undefined) steps.push(callback);
    if (begins) open.push(name);
    else if (DONE[name] !== undefined) steps.push(DONE[name]);
  }
  return steps;
}

/** Once a module is gone its functions have addresses in place of names; one is known by who calls it. */
function callbackOf(name: string, driver: string, caller: string | undefined): string | undefined {
  if (name.startsWith('0x')) return caller === 'vfio_device_release' ? 'release' : undefined;
  return name.startsWith(`${driver}_`) ? CALLBACKS[name.slice(driver.length + 1)] : undefined;
}
