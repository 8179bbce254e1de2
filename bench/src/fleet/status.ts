/** What the status of a thousand hosts costs a client that has just come: bytes over its connection, and milliseconds. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Fleet } from '@mediated/fleet';
import { tellRound } from '../harness/alternate.js';
import { type Part, unmeasured } from '../harness/part.js';
import { whyNot, withServer } from './server.js';

const PROCESSES = 2;
const EACH = 500;
/** Milliseconds: renewals are not what is measured. */
const LEASE = '120000';

export const part: Part = async ({ rounds }) => {
  if (whyNot !== '') return unmeasured(whyNot);
  return withServer(async (url, start) => {
    await Promise.all(
      Array.from({ length: PROCESSES }, (_, at) => start('./crowd.worker.js', url, `h${at}-`, String(EACH), LEASE)),
    );
    const milliseconds: number[] = [];
    const bytes: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const took = await status(url);
      const counted = await throughCounter(url);
      tellRound(round, rounds);
      if (round === 0) continue;
      milliseconds.push(took);
      bytes.push(counted);
    }
    return {
      figures: { 'status_ms.1000': milliseconds, 'status_bytes.1000': bytes },
      readings: [
        { name: 'status of 1000 hosts for a new client', unit: 'ms', values: milliseconds },
        { name: 'bytes that it is sent', unit: 'bytes', values: bytes },
      ],
      notes: [],
    };
  });
};

/** Connects, looks at every host, and leaves; milliseconds. */
async function status(servers: string): Promise<number> {
  const before = performance.now();
  const fleet = await Fleet.connect({ servers });
  const live = fleet.hosts().filter(({ state }) => state === 'live').length;
  const took = performance.now() - before;
  await fleet.close();
  if (live !== PROCESSES * EACH) throw new Error(`${live} hosts are alive`);
  return took;
}

/** The same through a relay that counts what the server sends. */
async function throughCounter(servers: string): Promise<number> {
  let bytes = 0;
  const relay = createServer((near) => {
    const far = connect(Number(new URL(servers).port), '127.0.0.1');
    far.on('data', (data) => {
      bytes += data.length;
    });
    far.pipe(near).pipe(far);
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const address = relay.address();
  await status(`nats://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
  relay.close();
  return bytes;
}
