/** Actors for tests that talk with an echo actor, on the same thread or another, and one that shows its interleaving. */
import {
  type ActorHandle,
  ActorRef,
  ask,
  defineActor,
  defineProtocol,
  int,
  none,
  tell,
  value,
} from '@mediated/core/actor';
import { echoProtocol } from './echo.fixture.js';

export const relayProtocol = defineProtocol({
  forward: ask([int], int),
  /** Tells, then asks at once: what the target had noted by then. */
  tellThenAsk: ask([int], int),
  tellFailing: ask([], int),
  senderSeen: ask([], int),
  /** Code of the error of an ask that is never answered. */
  impatient: ask([], value<string>()),
  aborted: ask([], value<string>()),
  forwardFailure: ask([], none),
  never: ask([], none),
  mayBlock: ask([], value<string>()),
  /** Bytes that are changed right after each ask; what came back. */
  changing: ask([int], value<number[]>()),
  nextDeath: ask([], int),
});

const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error);

export const relay = defineActor({
  module: import.meta.url,
  name: 'relay',
  protocol: relayProtocol,
  start({ endpoint, watch }, target: ActorHandle) {
    const echo = new ActorRef(endpoint, target, echoProtocol);
    let deathSeen: (thread: number) => void;
    const death = new Promise<number>((resolve) => {
      deathSeen = resolve;
    });
    watch((thread) => deathSeen(thread));
    return {
      handlers: {
        forward: (a) => echo.ask('echo', a),
        tellThenAsk: (a) => {
          echo.tell('note', a);
          return echo.ask('notes');
        },
        tellFailing: () => {
          echo.tell('tellFail', 'nobody hears');
          return echo.ask('echo', 5);
        },
        senderSeen: () => echo.ask('sender'),
        impatient: () =>
          echo
            .with({ timeout: 1 })
            .ask('never')
            .then(() => 'settled', codeOf),
        aborted: () => {
          const controller = new AbortController();
          const code = echo
            .with({ signal: controller.signal })
            .ask('never')
            .then(() => 'settled', codeOf);
          controller.abort();
          return code;
        },
        forwardFailure: () => echo.ask('fail', 'from afar'),
        never: () => echo.ask('never'),
        mayBlock: () => {
          try {
            echo.askSync('echo', 1);
            return 'did block';
          } catch (error) {
            return codeOf(error);
          }
        },
        changing: async (count) => {
          const data = new Uint8Array(100);
          const asks: Promise<Uint8Array>[] = [];
          for (let i = 0; i < count; i++) {
            data.fill(i);
            asks.push(echo.ask('bytes', data));
          }
          data.fill(255);
          return (await Promise.all(asks)).map((bytes) => bytes[99]);
        },
        nextDeath: () => death,
      },
    };
  },
});

export const steps = defineProtocol({ work: ask([int], none), log: ask([], value<string[]>()), quick: tell([]) });

/** `meet`: the first piece of work ends when the second has begun. */
function startSteps(meet: boolean) {
  const log: string[] = [];
  let secondHasBegun = () => {};
  const second = new Promise<void>((resolve) => {
    secondHasBegun = resolve;
  });
  return {
    handlers: {
      work: async (n: number) => {
        log.push(`${n} begins`);
        if (n === 2) secondHasBegun();
        if (meet) await second;
        for (let turn = 0; turn < 10; turn++) await null;
        log.push(`${n} ends`);
      },
      log: () => log,
      quick: () => {},
    },
  };
}

export const serialSteps = defineActor({
  module: import.meta.url,
  name: 'serialSteps',
  protocol: steps,
  serial: true,
  start: (_, __: null) => startSteps(false),
});

export const interleavedSteps = defineActor({
  module: import.meta.url,
  name: 'interleavedSteps',
  protocol: steps,
  start: (_, __: null) => startSteps(true),
});
