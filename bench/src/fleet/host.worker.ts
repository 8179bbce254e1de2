/** A host process of the suite: a runtime with the driver of the life-cycle figures, and a bare echo beside it. */
import { Runtime } from '@mediated/core';
import { FleetHost } from '@mediated/fleet';
import { connect } from '@nats-io/transport-node';

const [servers, host, lease] = process.argv.slice(2);
const runtime = Runtime.start();
await runtime.loadDriver(new URL('../lifecycle/bench-driver.js', import.meta.url), {
  options: { stateBytes: 0, workRounds: 0 },
  parents: [{ name: 'parent' }],
});
await FleetHost.join(runtime, { servers, host, lease: Number(lease) });
const connection = await connect({ servers: servers.replace('nats://', '') });
connection.subscribe(`echo.${host}`, { callback: (_error, message) => void message.respond(message.data) });
await connection.flush();
process.on('disconnect', () => process.exit());
process.send?.('ready');
