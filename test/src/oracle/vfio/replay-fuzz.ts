/**
 * Replays traces of random accesses (05-fuzz-*): each on a new device that was asked for its description and its regions,
 * with one eventfd on an interrupt or none. Every access is a step.
 */
import {
  DEVICE_GET_INFO,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  IRQ_SET_BYTES,
  IRQ_SET_FLAGS,
  irqSet,
  PCI_IRQS,
} from '@mediated/vfio/uapi';
import { Machine } from '../machine.js';
import { type Recording, text } from '../recording.js';
import { showResult, type Tally } from '../tally.js';
import { attempt, int } from './attempt.js';
import { Session } from './session.js';
import type { Subject } from './subject.js';
import { hex } from './step.js';

/**
 * `r` and `w`: region, offset, size, value in hex. `i`: index, flags, count, data. `x`: reset. Then the result (bytes in hex,
 * a count, an errno), and how often the eventfd fired.
 */
type FuzzStep = readonly ['r' | 'w' | 'i' | 'x', ...unknown[]];

const INTERRUPTS: Readonly<Record<string, number>> = PCI_IRQS;

export async function replayFuzz({ label, lines }: Recording, tally: Tally): Promise<void> {
  const machine = new Machine();
  const session = new Session(machine);
  try {
    for (const [at, fields] of lines.entries()) {
      const subject = await session.renewed(text(fields, 'type') ?? '');
      const trace = await Trace.begin(session, subject, text(fields, 'irq_setup') ?? 'none');
      for (const [number, step] of ((fields.steps ?? []) as readonly FuzzStep[]).entries()) {
        const { result, signals } = await trace.step(step);
        const [kernel, fired] = step.slice(-2);
        const differences = result === kernel ? [] : [`kernel ${showResult(kernel)}, here ${showResult(result)}`];
        if (signals !== fired) differences.push(`signals: kernel ${fired}, here ${signals}`);
        tally.step(`${label}:${at + 1} step ${number} ${JSON.stringify(step.slice(0, -2))}`, differences);
      }
      await session.closeAll();
    }
  } finally {
    await machine.close();
  }
}

class Trace {
  readonly #session: Session;
  readonly #subject: Subject;
  readonly #device: number;
  readonly #eventfd: number;

  private constructor(session: Session, subject: Subject, device: number) {
    this.#session = session;
    this.#subject = subject;
    this.#device = device;
    this.#eventfd = session.eventfd();
  }

  static async begin(session: Session, subject: Subject, setup: string): Promise<Trace> {
    const device = await session.device(subject);
    const info = deviceInfo.bytes({ argsz: deviceInfo.size });
    await session.program.ioctl(device, DEVICE_GET_INFO, info);
    for (let index = 0; index < deviceInfo.decode(info).num_regions; index++) await session.region(subject, index);
    const trace = new Trace(session, subject, device);
    const interrupt = INTERRUPTS[setup];
    const trigger = IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.trigger;
    if (interrupt !== undefined) await trace.#setIrqs(interrupt, trigger, 1, 'fd');
    return trace;
  }

  async step(step: FuzzStep): Promise<{ result: unknown; signals: number }> {
    this.#session.fired();
    const result = await this.#perform(step);
    return { result, signals: this.#session.fired() };
  }

  async #perform([operation, ...values]: FuzzStep): Promise<unknown> {
    const { program } = this.#session;
    const [first, second, third, value] = [Number(values[0]), Number(values[1]), Number(values[2]), String(values[3])];
    if (operation === 'x') return attempt(() => program.ioctl(this.#device, DEVICE_RESET));
    if (operation === 'i') return this.#setIrqs(first, second, third, value);
    const { offset } = await this.#session.region(this.#subject, first);
    const position = offset + second;
    if (operation === 'w') return attempt(() => program.pwrite(this.#device, Buffer.from(value, 'hex'), position));
    let bytes = '';
    const ret = await attempt(async () => {
      bytes = hex(await program.pread(this.#device, third, position));
      return 0;
    });
    return ret < 0 ? ret : bytes;
  }

  /** `data`: `fd` is the eventfd, `fd-1` none, else bytes in hex. */
  #setIrqs(index: number, flags: number, count: number, data: string): Promise<number> {
    const bytes = data === 'fd' ? int(this.#eventfd) : data === 'fd-1' ? int(-1) : Buffer.from(data, 'hex');
    const argsz = IRQ_SET_BYTES + bytes.length;
    const argument = irqSet.bytes({ argsz, flags, index, start: 0, count }, argsz);
    argument.set(bytes, IRQ_SET_BYTES);
    return attempt(() => this.#session.program.ioctl(this.#device, DEVICE_SET_IRQS, argument));
  }
}
