/**
 * Register accesses of a machine over the socket: one read after the other, against an echo of as many bytes; many reads
 * under way; posted writes.
 */
import { mttyUrl } from '@mediated/vendors';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { type Part, unmeasured } from '../harness/part.js';
import { isMeasurable, Machine, startEcho, WHY_NOT, withDevice, withPath } from './served.js';

const READS = 10_000;
const READS_IN_FLIGHT = 64;
const MANY_READS = 100_000;
const POSTED = 64 * 2000;

const perSecond = (count: number, milliseconds: number) => (count * 1000) / milliseconds;

export const part: Part = ({ rounds }) => {
  if (!isMeasurable) return Promise.resolve(unmeasured(WHY_NOT));
  return withDevice(mttyUrl, 'mtty-1', (devicePath) =>
    withPath(async (echoPath) => {
      const device = await Machine.attach(devicePath, true);
      await startEcho(echoPath);
      const echo = await Machine.attach(echoPath, false);
      const one = { kind: 'read', count: READS, inFlight: 1 } as const;
      const many = { kind: 'read', count: MANY_READS, inFlight: READS_IN_FLIGHT } as const;
      const posted = { kind: 'post', count: POSTED } as const;
      const reading = async (machine: Machine) => ((await machine.perform(one)) * 1000) / READS;
      const [read, echoed, pipelined, writes] = await alternate(
        [
          { name: 'reads', measure: () => reading(device) },
          { name: 'echo', measure: () => reading(echo) },
          { name: 'reads in flight', measure: async () => perSecond(MANY_READS, await device.perform(many)) },
          { name: 'posted writes', measure: async () => perSecond(POSTED, await device.perform(posted)) },
        ],
        rounds,
      );
      await device.leave();
      await echo.leave();
      const reads = read.map((microseconds) => 1e6 / microseconds);
      return {
        figures: {
          read_vs_socket_echo: ratios(read, echoed),
          pipelined_vs_roundtrip: ratios(pipelined, reads),
          read_us: read,
          reads_per_second: pipelined,
          posted_writes_per_second: writes,
        },
        readings: [
          { name: 'one read of a byte', unit: 'us', values: read },
          { name: 'one round of the bare echo', unit: 'us', values: echoed },
          { name: 'reads, one by one', unit: '/s', values: reads },
          { name: 'reads, 64 in flight', unit: '/s', values: pipelined },
          { name: 'posted writes', unit: '/s', values: writes },
        ],
        notes: [],
      };
    }),
  );
};
