/** The client of docs/fleet.md; run by `../fleet/client.test.ts` on a fleet. */
import { Fleet } from '@mediated/fleet';

export async function useFleet(servers: string): Promise<void> {
  await using fleet = await Fleet.connect({ servers });
  const { created, failed, doubtful } = await fleet.create({ type: 'mtty-1', count: 20, policy: 'spread' });
  console.log(created.length, 'created,', failed.length, 'refused,', doubtful.length, 'in doubt');

  const [{ uuid, host }] = created;
  const neighbour = await fleet.create({ type: 'mtty-2', near: uuid });
  console.log('on the same host', neighbour.created[0].host === host);
  const again = await fleet.create({ type: 'mtty-2', uuids: [uuid] });
  console.log(again.failed[0].error.code); // EEXIST, from any host

  const file = await fleet.open(uuid); // over the fleet, wherever it is
  await file.write(0, new TextEncoder().encode('!'));
  console.log('read back', new TextDecoder().decode(await file.read(0, 1)));
  await file.close();
  console.log(await fleet.readAttribute(uuid, 'vendor/sample_mdev_dev'));

  await fleet.remove(uuid); // free in the whole fleet when this resolves
  for await (const { action } of fleet.events({ all: true, uuid })) {
    console.log(action);
    if (action === 'remove') break;
  }
}
