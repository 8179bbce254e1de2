/**
 * A host as a process of its own: a runtime with the kernel's sample driver, in the fleet that its arguments name. Answers what it
 * is asked over IPC, by nobody but the test that started it.
 */
import { Runtime } from '@mediated/core';
import { FleetHost } from '@mediated/fleet';
import { mttyUrl } from '@mediated/vendors';

/** What a host process tells of itself. */
export interface HostReport {
  readonly epoch: string;
  readonly held: boolean;
  readonly devices: readonly string[];
  readonly reserved: readonly string[];
  readonly available: Readonly<Record<string, number>>;
}

const [servers, host, lease, replicas, skew] = process.argv.slice(2);
// A clock that is so many milliseconds wrong.
const { now } = Date;
Date.now = () => now() + Number(skew);
const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { threads: 2, parents: [{ name: 'mtty0', threads: 2 }, { name: 'mtty1' }] });
const joined = await FleetHost.join(runtime, {
  servers: servers.split(','),
  host,
  lease: Number(lease),
  replicas: Number(replicas),
});
joined.on('out', (error) => {
  throw error;
});

async function report(): Promise<HostReport> {
  await joined.settled();
  const available: Record<string, number> = {};
  for (const parent of runtime.bus.parents()) {
    for (const { id } of parent.types) available[`${parent.name}/${id}`] = await parent.availableInstances(id);
  }
  const { epoch, held, reserved } = joined;
  return {
    epoch,
    held,
    reserved: [...reserved].sort(),
    devices: runtime.bus
      .mdevs()
      .map(({ uuid }) => uuid)
      .sort(),
    available,
  };
}

process.on('message', (question) => {
  if (question === 'report') void report().then((answer) => process.send?.(answer));
  if (question === 'leave') {
    void (async () => {
      for (const mdev of runtime.bus.mdevs()) await mdev.remove();
      await joined.close();
      await runtime.close();
      process.disconnect();
    })();
  }
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
