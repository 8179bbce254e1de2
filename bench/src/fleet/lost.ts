/** How long it takes until the devices of a host that was killed are reported lost, in lease lengths. */
import { Fleet } from '@mediated/fleet';
import { tellRound } from '../harness/alternate.js';
import { endProcess } from '../harness/end-process.js';
import { type Part, unmeasured } from '../harness/part.js';
import { whyNot, withServer } from './server.js';

/** Milliseconds: the default. */
const LEASE = 3000;
const DEVICES = 20;

export const part: Part = async ({ rounds }) => {
  if (whyNot !== '') return unmeasured(whyNot);
  return withServer(async (url, start) => {
    const fleet = await start('./host.worker.js', url, 'first', String(LEASE)).then(() =>
      Fleet.connect({ servers: url }),
    );
    const leases: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const host = `h${round}`;
      const child = await start('./host.worker.js', url, host, String(LEASE));
      await seen(fleet, host, 'live');
      const { created } = await fleet.create({ type: 'bench-1', host, count: DEVICES });
      if (created.length !== DEVICES) throw new Error(`${created.length} of ${DEVICES} devices`);
      const lost = seen(fleet, host, 'lost');
      const killed = performance.now();
      await endProcess(child);
      await lost;
      const devices = await fleet.devices({ host });
      if (devices.some(({ state }) => state !== 'lost')) throw new Error('a device of a lost host is not lost');
      leases.push((performance.now() - killed) / LEASE);
      tellRound(round + 1, rounds);
    }
    await fleet.close();
    return {
      figures: { lost_leases: leases },
      readings: [{ name: 'from a kill to lost devices', unit: 'ms', values: leases.map((each) => each * LEASE) }],
      notes: [],
    };
  });
};

function seen(fleet: Fleet, host: string, state: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (fleet.host(host)?.state !== state) return;
      stop();
      resolve();
    };
    const stop = fleet.onHostState(look);
    look();
  });
}
