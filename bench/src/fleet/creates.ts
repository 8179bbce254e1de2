/** Placed creates a second over three hosts, from one client and from four; and one create against a bare request and its reply. */
import type { ChildProcess } from 'node:child_process';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { type Part, unmeasured } from '../harness/part.js';
import { take, whyNot, withServer } from './server.js';

const LEASE = '10000';
/** Devices of one placement. */
const PLACED = 256;
/** Creates, or requests, one after the other. */
const SINGLE = 100;

export const part: Part = async ({ rounds }) => {
  if (whyNot !== '') return unmeasured(whyNot);
  return withServer(async (url, start) => {
    for (const host of ['a', 'b', 'c']) await start('./host.worker.js', url, host, LEASE);
    const clients: ChildProcess[] = [];
    for (let number = 0; number < 4; number++) clients.push(await start('./client.worker.js', url));
    const [one] = clients;
    const placing = async (count: number) => {
      const results = await Promise.all(
        clients.slice(0, count).map((client) => take(client, { kind: 'place', count: PLACED })),
      );
      return results.reduce((sum, { operations, milliseconds }) => sum + (operations * 1000) / milliseconds, 0);
    };
    const single = async (kind: 'create' | 'echo') => {
      const { operations, milliseconds } = await take(one, { kind, count: SINGLE, host: 'a' });
      return (milliseconds * 1000) / operations;
    };
    const contenders = [
      { name: 'placed creates, 1 client, 3 hosts', unit: '/s', measure: () => placing(1) },
      { name: 'placed creates, 4 clients, 3 hosts', unit: '/s', measure: () => placing(4) },
      { name: 'one create on one host', unit: 'us', measure: () => single('create') },
      { name: 'one bare request and reply', unit: 'us', measure: () => single('echo') },
    ] as const;
    const readings = await alternate(contenders, rounds);
    const [alone, four, creates, echoes] = readings;
    return {
      figures: {
        'placed_per_second.1': alone,
        'placed_per_second.4': four,
        create_vs_roundtrip: ratios(creates, echoes),
      },
      readings: readings.map((values, at) => ({ name: contenders[at].name, unit: contenders[at].unit, values })),
      notes: [],
    };
  });
};
