/** A client process of the suite: takes turns as it is told. */
import { Fleet } from '@mediated/fleet';
import { connect } from '@nats-io/transport-node';

/** Turns of a client. */
export type Turn =
  /** Places so many devices and removes them; the time of the placement. */
  | { readonly kind: 'place'; readonly count: number }
  /** Creates and removes one device after the other; the time of the creates. */
  | { readonly kind: 'create'; readonly count: number; readonly host: string }
  /** As many bare requests one after the other. */
  | { readonly kind: 'echo'; readonly count: number; readonly host: string };

export interface TurnResult {
  readonly operations: number;
  readonly milliseconds: number;
}

const [servers] = process.argv.slice(2);
const fleet = await Fleet.connect({ servers });
const connection = await connect({ servers: servers.replace('nats://', '') });
/** As long as the request of a create. */
const text = 'x'.repeat(160);

async function perform(turn: Turn): Promise<TurnResult> {
  const { kind, count } = turn;
  let milliseconds = 0;
  const timed = async <T>(run: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const answer = await run();
    milliseconds += performance.now() - start;
    return answer;
  };
  if (kind === 'place') {
    const { created } = await timed(() => fleet.create({ type: 'bench-1', count }));
    if (created.length !== count) throw new Error(`${created.length} of ${count} devices`);
    await Promise.all(created.map(({ uuid }) => fleet.remove(uuid)));
  } else {
    for (let done = 0; done < count; done++) {
      if (kind === 'echo') await timed(() => connection.request(`echo.${turn.host}`, text));
      else {
        const { created } = await timed(() => fleet.create({ type: 'bench-1', host: turn.host }));
        await fleet.remove(created[0].uuid);
      }
    }
  }
  return { operations: count, milliseconds };
}

process.on('message', (turn) => {
  perform(turn as Turn).then(
    (result) => process.send?.(result),
    (error) => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
