/** The programs of docs/fleet.md on a fleet of real runtimes. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { NatsServer, noServer } from '../../../packages/fleet/dist-fixtures/live/nats-server.fixture.js';
import { useFleet } from '../../dist-fixtures/tours/fleet-client.fixture.js';
import { startHost } from '../../dist-fixtures/tours/fleet-host.fixture.js';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) await end();
});

describe.skipIf(noServer !== '')(`the programs of the page ${noServer}`, () => {
  test('a client uses devices of two hosts', async () => {
    const server = await NatsServer.start();
    ends.push(() => server.stop());
    for (const name of ['a', 'b']) ends.push(await startHost(server.url, name));
    const printed: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((...words) => void printed.push(words.join(' ').trim()));
    await useFleet(server.url);
    expect(printed).toEqual([
      '20 created, 0 refused, 0 in doubt',
      'on the same host true',
      'EEXIST',
      'read back !',
      expect.stringMatching(/^This is MDEV /),
      'add',
      'bind',
      'unbind',
      'remove',
    ]);
  });
});
