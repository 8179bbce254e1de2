/**
 * Replays recordings of the order in which a kernel's functions ran (07-ftrace-*): the same steps, with a driver that logs
 * its callbacks and what the framework does around them.
 */
import { Descriptors } from '@mediated/vfio';
import { DEVICE_GET_INFO, DEVICE_RESET, deviceInfo, EXTENSIONS, PCI_REGIONS } from '@mediated/vfio/uapi';
import { Machine } from '../machine.js';
import { MODULES, moduleTypes } from '../modules.js';
import { type Fields, type Recording, texts } from '../recording.js';
import type { Tally } from '../tally.js';
import { stepsOf } from './kernel-graph.js';
import { OrderLog } from './order-log.js';
import { replaySteps } from './replay-steps.js';
import { attempt } from './attempt.js';
import { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, Skip, type Step } from './step.js';

/** Where the drivers are that tell in which order they are called. */
const TRACED = new URL('../../../dist-fixtures/oracle/vfio/', import.meta.url);
const NAMES = 'names of kernel functions; compared is the order of the steps that there are here too';

export async function replayOrder(recording: Recording, tally: Tally): Promise<void> {
  const { driver, type } = driverOf(recording);
  const machine = new Machine();
  const log = new OrderLog();
  const session = new Session(machine);
  const run = new OrderedRun(session, log, type);
  try {
    await run.load(driver);
    const lines = recording.lines.map((fields) => withOrder(fields, driver));
    await replaySteps({ ...recording, lines }, tally, () => session, [(_, step) => run.step(step)]);
    await session.closeAll();
  } finally {
    await machine.close();
  }
}

/** The driver whose functions are in the graphs, and the type that the recording is named after. */
function driverOf({ name, lines }: Recording): { driver: string; type: string } {
  const graphs = lines.map((line) => (texts(line, 'graph') ?? []).join('\n')).join('\n');
  const driver = [...MODULES.keys()].find((module) => graphs.includes(`[${module}]`)) ?? '';
  const types = moduleTypes(driver);
  return { driver, type: types.find((type) => name.endsWith(type)) ?? types[0] };
}

function withOrder(fields: Fields, driver: string): Fields {
  const graph = texts(fields, 'graph') ?? [];
  return { ...fields, out: { order: stepsOf(graph, driver), ...(graph.length > 0 && { graph }) } };
}

class OrderedRun {
  readonly #session: Session;
  readonly #log: OrderLog;
  readonly #type: string;

  constructor(session: Session, log: OrderLog, type: string) {
    this.#session = session;
    this.#log = log;
    this.#type = type;
  }

  async load(driver: string): Promise<void> {
    const module = MODULES.get(driver);
    if (module === undefined) throw new Error(`no driver is in the graphs`);
    const url = new URL(`traced-${driver}.fixture.js`, TRACED);
    const options = { log: this.#log.buffer };
    await this.#session.machine.runtime.loadDriver(url, { parents: [{ name: module.parent }], options });
  }

  async step(step: Step): Promise<Answer | undefined> {
    const { words } = step;
    // What the recorder did before the step, without saying so, is not the step's.
    const prepared = await this.#prepare(words);
    await this.#settle();
    this.#log.take();
    const ret = await prepared();
    if (ret === undefined) return undefined;
    await this.#settle();
    return { ret, out: { order: this.#log.take() }, left: { graph: NAMES } };
  }

  async #prepare(words: string): Promise<() => Promise<number | undefined>> {
    const session = this.#session;
    const { program } = session;
    if (/^create$/.test(words)) {
      const subject = await session.undone(this.#type);
      return () => attempt(async () => Math.min(0, await session.create(subject)));
    }
    if (/^open .*vfio\/vfio$/.test(words)) return done(() => session.container('first'));
    if (/^rmmod with (\w+) devices$/.test(words)) return this.#unload();
    if (/^(remove unbound|unbind)$/.test(words)) return this.#unbindOrRemove(words === 'unbind');
    const subject = await session.subject(this.#type);
    if (/^child opens everything/.test(words)) return this.#child(subject);
    if (/^create duplicate$/.test(words)) return () => attempt(() => session.create(subject));
    if (/^open group$/.test(words)) return done(() => session.group(subject));
    if (/^SET_CONTAINER$/.test(words)) {
      const container = await session.container('first');
      await session.group(subject);
      return () => attempt(() => session.setContainer(subject, container));
    }
    if (/^SET_IOMMU$/.test(words)) {
      const container = await session.container('first');
      return () => attempt(() => session.setIommu(container, EXTENSIONS.type1v2));
    }
    if (/^GET_DEVICE_FD\b/.test(words)) return () => attempt(() => session.openDevice(subject));
    if (/^close container fd/.test(words)) return done(() => session.closeContainer(subject));
    if (/^close group fd/.test(words)) return done(() => session.closeGroup(subject));
    if (/^remove$/.test(words)) {
      await session.closeSubject(subject);
      return () => attempt(async () => Math.min(0, await session.remove(subject)));
    }
    const device = await session.device(subject);
    if (/^dup of .* closed$/.test(words)) {
      const copy = program.dup(device);
      return done(() => program.close(copy));
    }
    const transfer = /^pread (\d+) bytes?(?: at (\d+))?/.exec(words);
    if (transfer !== null) {
      const { offset } = await session.region(subject, PCI_REGIONS.config);
      const position = offset + Number(transfer[2] ?? 0);
      return done(() => program.pread(device, Number(transfer[1]), position));
    }
    if (words === 'DEVICE_RESET') return () => attempt(() => program.ioctl(device, DEVICE_RESET));
    if (words === 'GET_INFO') {
      return () => attempt(() => program.ioctl(device, DEVICE_GET_INFO, deviceInfo.bytes({ argsz: deviceInfo.size })));
    }
    if (/^close .*device fd/.test(words)) return done(() => session.closeDevice(subject, device));
    return async () => undefined;
  }

  async #unbindOrRemove(unbind: boolean): Promise<() => Promise<number>> {
    const session = this.#session;
    const subject = await session.subject(this.#type);
    await session.closeSubject(subject);
    if (!unbind) return () => attempt(async () => Math.min(0, await session.remove(subject)));
    const path = `/sys/bus/mdev/drivers/${subject.mdev?.parent.driver}/unbind`;
    const file = await session.machine.open(path, 'write');
    return () => attempt(async () => Math.min(0, await file.write(Buffer.from(subject.uuid))));
  }

  /** Another process opens all there is and ends. */
  async #child(subject: Subject): Promise<() => Promise<number>> {
    const child = new Session(this.#session.machine, new Descriptors(this.#session.machine.bus));
    child.adopt(subject);
    return done(async () => {
      await child.device(subject);
      await child.closeAll();
    });
  }

  async #unload(): Promise<() => Promise<number>> {
    const session = this.#session;
    for (const name of ['first', 'second']) await session.subject(this.#type, name);
    const driver = session.machine.bus.parents()[0]?.driver;
    if (driver === undefined) throw new Skip('no driver is loaded');
    return () => session.machine.rmmod(driver);
  }

  /** Answers to this are behind whatever was sent to the driver's thread before. */
  async #settle(): Promise<void> {
    for (const parent of this.#session.machine.bus.parents()) await parent.availableInstances(parent.types[0].id);
  }
}

/** What cannot fail but by an error, as a call with the result 0. */
function done(call: () => Promise<unknown>): () => Promise<number> {
  return () =>
    attempt(async () => {
      await call();
      return 0;
    });
}
