/** A client of a fleet whose server is not there. Run by packed.e2e.test.ts in an empty project. */
import { Fleet } from '@mediated/fleet';

async function createTwenty(servers: string): Promise<void> {
  await using fleet = await Fleet.connect({ servers });
  const { created, failed } = await fleet.create({ type: 'mtty-1', count: 20 });
  console.log(created.length, 'created,', failed.length, 'refused');
}

await createTwenty('nats://127.0.0.1:1').catch((error) => console.log(error.code));
