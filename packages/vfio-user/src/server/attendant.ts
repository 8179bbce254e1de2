/**
 * Serves the machine that uses a device, on the device's own thread: its messages are calls of the driver, without a hop.
 * Started there beside the driver (`serve.ts`); the doorman hands connections over and says when there is something to take.
 */
import { performance } from 'node:perf_hooks';
import { Bus, type BusHandle, MediatedError, ThreadBus } from '@mediated/core';
import { Client, defineActor } from '@mediated/core/actor';
import { localFile, setRemoteMemory } from '@mediated/vfio';
import { Descriptor, Ledger } from '../native/ledger.js';
import { UnixSocket } from '../native/unix-socket.js';
import { attendantProtocol, OUTCOMES } from './attendant-protocol.js';
import { ShownRegions } from './infos.js';
import { NO_COUNTERS } from './interrupts.js';
import { Session } from './session.js';
import { waitingRoom } from './waiting-room.js';

/** What an attendant is started with. */
export interface AttendantOptions {
  readonly bus: BusHandle;
  /** Slot and generation of the device. */
  readonly index: number;
  readonly generation: number;
  readonly ledger: Int32Array<SharedArrayBuffer>;
  /** Of what the thread needs to wait for a machine. */
  readonly waiting: Int32Array<SharedArrayBuffer>;
  /** One word: not 0 from when it is to end. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** Milliseconds for which this thread waits for the next message before the doorman is to do so, who wakes it slowly. */
const LINGER = 5;
/** Milliseconds for which a machine is served before timers have a turn of the thread; whatever else is there has it sooner. */
const TURN = 1;

export const attendantActor = defineActor({
  module: import.meta.url,
  name: 'attendantActor',
  protocol: attendantProtocol,
  start(context, options: AttendantOptions) {
    const threadBus = ThreadBus.open(options.bus);
    const bus = new Bus(new Client(context.endpoint), threadBus.memory);
    const ledger = new Ledger(options.ledger);
    const waiting = new Ledger(options.waiting);
    const shown = new ShownRegions(ledger);
    let session: Session | undefined;
    let stopping = false;
    /** What the doorman has been told of the counters for which it is to wait. */
    let told = NO_COUNTERS;
    /** Turns of `serve` and the end of a connection come one after the other. */
    let last: Promise<unknown> = Promise.resolve();
    const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
      const result = last.then(step);
      last = result.catch(() => {});
      return result;
    };
    const end = async () => {
      const ending = session;
      session = undefined;
      told = NO_COUNTERS;
      // What it has taken is given back even where the device's close fails.
      await ending?.close().catch((error: unknown) => process.emitWarning(String(error)));
    };

    /** What nobody has foreseen ends the connection, not the thread's other devices. */
    const serveSafely = (served: Session) =>
      serve(served).catch((error: unknown) => {
        process.emitWarning(error instanceof Error ? error : String(error));
        return OUTCOMES.ended;
      });

    async function serve(served: Session): Promise<number> {
      const guest = { socket: served.socket, heard: told, ledger: waiting };
      waitingRoom.enter(guest);
      try {
        // What has called this has more to do: nobody sleeps before it is done.
        await waitingRoom.turn();
        let turn = performance.now();
        let busy = turn;
        while (!stopping && Atomics.load(options.stop, 0) === 0) {
          const serving = served.serve();
          // At least so much of a turn have promises that others have left.
          const result = await serving;
          if (result === 'ended') return OUTCOMES.ended;
          if (result === 'full') return OUTCOMES.full;
          if (served.heard !== told) return OUTCOMES.heard;
          const now = performance.now();
          if (result !== 'idle') busy = now;
          else if (now - busy > LINGER) return OUTCOMES.idle;
          if ((result === 'more' || waitingRoom.wait(guest)) && now - turn < TURN) continue;
          await waitingRoom.turn();
          turn = performance.now();
          // The doorman, who listens for them, waits as long as this goes on.
          served.hear();
        }
        return OUTCOMES.ended;
      } finally {
        waitingRoom.leave(guest);
      }
    }

    return {
      handlers: {
        attach: (number, place) =>
          inTurn(async () => {
            await end();
            const mdev = bus.deviceAt(options.index);
            const socket = new UnixSocket(new Descriptor(number, ledger, place), ledger);
            if (mdev?.generation !== options.generation) {
              socket.close();
              throw new MediatedError('ENODEV', 'the device is gone', { syscall: 'vfio-user' });
            }
            const { index, generation } = options;
            session = new Session(socket, {
              bus,
              mdev,
              ledger,
              shown,
              local: (file) => localFile(threadBus, file, context.endpoint.thread),
              setRemoteMemory: (memory) => setRemoteMemory(threadBus, index, generation, memory),
            });
          }),
        serve: (signalled) =>
          inTurn(async () => {
            if (session === undefined) return OUTCOMES.ended;
            if (signalled) session.hear();
            return serveSafely(session);
          }),
        heard() {
          told = session?.heard ?? NO_COUNTERS;
          return told;
        },
        detach: () => inTurn(end),
      },
      async stop() {
        stopping = true;
        await inTurn(end);
        shown.close();
      },
    };
  },
});
