/**
 * A client of a storm: one piscina thread with one blocking user, or with several awaiting ones. Attaches to the bus,
 * lets its users do their steps until there are none left, leaves. Called by `clients.ts`.
 */
import { BusClient, type BusTicket, type GateKind } from '@mediated/core';
import { StormControl } from './control.js';
import { HeldFiles, WrongDevice } from './held-files.js';
import { isKernelRefusal } from './operations.js';
import { messageOf, type Surprise } from './outcome.js';
import { Performer } from './performer.js';
import { Tally } from './tally.js';
import { type Field, type Step, User } from './user.js';

/** What a client is given. */
export interface ClientTask {
  readonly ticket: BusTicket;
  readonly control: SharedArrayBuffer;
  readonly tally: SharedArrayBuffer;
  /** One word: files of all clients. */
  readonly files: SharedArrayBuffer;
  /** Its row in the tally. */
  readonly row: number;
  readonly field: Field;
  readonly seed: number;
  readonly gate: GateKind;
  /** Awaiting users; 0: one blocking user. */
  readonly awaiting: number;
}

/** Surprises that a client keeps the text of. */
const MOST_SURPRISES = 4;

/** Runs a client to the end of its storm. Answers what no refusal explains. */
export async function client(task: ClientTask): Promise<Surprise[]> {
  const control = StormControl.from(task.control);
  const tally = Tally.from(task.tally);
  const files = new Int32Array(task.files);
  const surprises: Surprise[] = [];
  const bus = BusClient.attach(task.ticket);

  function record({ operation }: Step, code: string | undefined, error: unknown): void {
    tally.count(task.row, operation, code);
    if (code === undefined || isKernelRefusal(operation, code, task.gate) || surprises.length >= MOST_SURPRISES) return;
    const wrong = error instanceof WrongDevice;
    surprises.push({ operation, code: wrong ? 'WRONG' : code, message: wrong ? error.message : messageOf(error) });
  }

  function begin(user: number): { user: User; performer: Performer } {
    const performer = new Performer(bus.bus, new HeldFiles(files), record);
    return { user: new User(task.field, task.seed, task.row * 64 + user), performer };
  }

  if (task.awaiting === 0) {
    const { user, performer } = begin(0);
    runBlocking(control, user, performer);
  } else {
    const users = Array.from({ length: task.awaiting }, (_, user) => begin(user));
    await Promise.all(users.map(({ user, performer }) => runAwaiting(control, user, performer)));
  }
  bus.close();
  return surprises;
}

function runBlocking(control: StormControl, user: User, performer: Performer): void {
  for (;;) {
    const rests = control.mustRest;
    if (!rests && control.claim()) {
      performer.performSync(user.next());
      user.hasFiles(performer.files);
      continue;
    }
    for (const step of user.letGo()) performer.performSync(step);
    user.hasFiles(0);
    if (!rests) return control.finish();
    if (!control.restSync()) return;
  }
}

async function runAwaiting(control: StormControl, user: User, performer: Performer): Promise<void> {
  for (;;) {
    const rests = control.mustRest;
    if (!rests && control.claim()) {
      await performer.perform(user.next());
      user.hasFiles(performer.files);
      continue;
    }
    for (const step of user.letGo()) await performer.perform(step);
    user.hasFiles(0);
    if (!rests) return control.finish();
    if (!(await control.rest())) return;
  }
}
