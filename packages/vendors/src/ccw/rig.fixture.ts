/** A private on a subchannel whose condition codes the test sets; the time that passes is the test's too. */
import { ACTIVITY, IRB_BYTES, SCHIB, SCHIB_SCSW, SCSW, STATUS } from '#dist/ccw/architected.js';
import type { ConditionCode, SubchannelInstructions } from '#dist/ccw/instructions.js';
import type { PlanRequest } from '#dist/ccw/plan.js';
import { type Plan, planProgram } from '#dist/ccw/plan.js';
import { CcwPrivate } from '#dist/ccw/private.js';
import { writeRegion } from '#dist/ccw/access.js';
import { openDevice } from '#dist/ccw/life.js';
import type { State } from '#dist/ccw/state-machine.js';
import type { HostStorage } from '#dist/ccw/storage.js';
import { Subchannel } from '#dist/ccw/subchannel.js';
import { Warnings } from '#dist/ccw/warnings.js';
import { Works } from '#dist/ccw/works.js';
import { Guest, orb } from './guest.fixture.js';

/** A machine that answers what it is told; functions that it accepts stay under way until an interrupt. */
export class ScriptedMachine implements SubchannelInstructions {
  readonly schib = SCHIB.bytes({ deviceNumberValid: 1, lpm: 0xc0, pim: 0xc0, pam: 0xc0, pom: 0xff });
  /** Names of the instructions that were executed, without stsch. */
  readonly calls: string[] = [];
  /** Condition codes to come, in place of 0. */
  readonly answers: Record<'ssch' | 'hsch' | 'csch' | 'xsch', ConditionCode[]> = {
    ssch: [],
    hsch: [],
    csch: [],
    xsch: [],
  };
  readonly modifications: (ConditionCode | 'program-check' | 'forgotten')[] = [];
  gone = false;
  started: { orb: Uint8Array; storage: HostStorage } | undefined;
  /** Called when a halt or clear was accepted. */
  onEnd: () => void = () => {};
  #status: Uint8Array | undefined;

  constructor() {
    this.schib.set([0x40, 0x41], 16);
  }

  stsch(schib: Uint8Array): 0 | 3 {
    if (this.gone) return 3;
    schib.set(this.schib);
    return 0;
  }

  msch(schib: Uint8Array): ConditionCode | 'program-check' {
    this.calls.push(`msch ${SCHIB.get(schib, 'enabled')}${SCHIB.get(schib, 'concurrentSense')}`);
    const answer = this.modifications.shift() ?? (this.gone ? 3 : SCHIB.get(this.schib, 'functions') === 0 ? 0 : 2);
    if (answer === 'forgotten') return 0;
    if (answer === 0) this.schib.set(schib.subarray(0, SCHIB_SCSW));
    return answer;
  }

  ssch(started: Uint8Array, storage: HostStorage): ConditionCode {
    const answer = this.#answer('ssch');
    if (answer === 0) {
      this.started = { orb: started, storage };
      this.#control(4, ACTIVITY.startPending);
    }
    return answer;
  }

  hsch(): ConditionCode {
    return this.#end('hsch', 2, ACTIVITY.haltPending);
  }

  csch(): 0 | 3 {
    return this.#end('csch', 1, ACTIVITY.clearPending) as 0 | 3;
  }

  xsch(): ConditionCode {
    const answer = this.#answer('xsch');
    if (answer === 0) this.#control(0, 0);
    return answer;
  }

  tsch(irb: Uint8Array): 0 | 1 | 3 {
    if (this.#status === undefined) return 1;
    irb.set(this.#status);
    if (SCSW.get(this.#status, 'activity') === 0) this.#control(0, 0);
    this.#status = undefined;
    return 0;
  }

  /** Makes status pending, without an interrupt yet. */
  store(values: Parameters<typeof SCSW.bytes>[0]): void {
    const irb = new Uint8Array(IRB_BYTES);
    irb.set(SCSW.bytes({ status: STATUS.pending | STATUS.primary | STATUS.secondary, ...values }));
    irb.fill(0xe5, 12, 32);
    irb.fill(0xec, 32);
    this.#status = irb;
  }

  #end(name: 'hsch' | 'csch', functions: number, activity: number): ConditionCode {
    const answer = this.#answer(name);
    if (answer === 0) {
      this.#control(functions, activity);
      this.onEnd();
    }
    return answer;
  }

  #control(functions: number, activity: number): void {
    SCHIB.set(this.schib, 'functions', functions);
    SCHIB.set(this.schib, 'activity', activity);
  }

  #answer(name: 'ssch' | 'hsch' | 'csch' | 'xsch'): ConditionCode {
    this.calls.push(name);
    return this.answers[name].shift() ?? (this.gone ? 3 : 0);
  }
}

/** All that is ready to run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where the rig's guest has its program. */
export const PROGRAM = 0x10000;
const START = 4;

export class Rig {
  readonly guest = new Guest();
  readonly machine = new ScriptedMachine();
  readonly subchannel: Subchannel;
  readonly device: CcwPrivate;
  readonly works = new Works();
  /** Timers that have not run out. */
  readonly timers: { milliseconds: number; callback: () => void }[] = [];
  unregistrations = 0;
  /** How programs are planned. */
  planner: (request: PlanRequest) => Plan | Promise<Plan> = planProgram;
  /** Signals of each interrupt. */
  readonly signals = [0, 0, 0];

  constructor() {
    this.subchannel = new Subchannel('0.0.0313', 0x10313, this.machine, () => void this.unregistrations++);
    const surroundings = {
      works: this.works,
      planner: (request: PlanRequest) => this.planner(request),
      after: (milliseconds: number, callback: () => void) => {
        const timer = { milliseconds, callback };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
    };
    const warnings = new Warnings({ uuid: 'rig', parent: this.subchannel.name }, () => 0);
    this.device = new CcwPrivate(this.subchannel, this.guest, surroundings, warnings);
    this.subchannel.user = this.device;
    // One write of 2048 bytes: a control command that does nothing.
    this.guest.program(PROGRAM, [{ command: 0x05, address: 0x20000, count: 2048 }]);
  }

  /** A rig whose device is in a state, reached as it is reached in life. */
  static async in(state: State): Promise<Rig> {
    const rig = new Rig();
    if (state === 'NOT_OPER') {
      rig.machine.gone = true;
      rig.subchannel.changed();
      await rig.works.flush();
    }
    if (state === 'STANDBY' || state === 'NOT_OPER') return rig;
    await openDevice(rig.device);
    if (state === 'CP_PENDING') await rig.request();
    if (state === 'CP_PROCESSING') {
      rig.holdPlanning();
      void rig.request();
      await turn();
    }
    if (rig.device.state !== state) throw new Error(`the rig is ${rig.device.state}`);
    return rig;
  }

  /** Programs are not planned from now on, until `finishPlanning`. */
  holdPlanning(): void {
    this.planner = (request) =>
      new Promise((resolve) => {
        this.finishPlanning = () => resolve(planProgram(request));
      });
  }

  finishPlanning: () => void = () => {};

  /** The errno of a write, or how many bytes it took. */
  write(position: number, bytes: Uint8Array): Promise<number | string> {
    return writeRegion(this.device, position, bytes).catch((error) => error.code);
  }

  /** Writes ORB, SCSW and a result of 0, as QEMU does. */
  request(program = orb(PROGRAM), functions = START): Promise<number | string> {
    const region = new Uint8Array(124);
    region.set(program, 0);
    region.set(SCSW.bytes({ functions }), 12);
    return this.write(0, region);
  }

  /** The errno that stands in the I/O region (0) or the command region (1) as result, as a positive number. */
  result(region: 0 | 1): number {
    const bytes = this.device.regions[region];
    return -new DataView(bytes.buffer).getInt32(region === 0 ? 120 : 4) || 0;
  }

  /** The machine interrupts, and the work that this leaves is done. */
  async interrupt(values: Parameters<typeof SCSW.bytes>[0] = {}): Promise<void> {
    this.machine.store(values);
    this.subchannel.interrupt();
    await this.works.flush();
  }

  /** Binds an interrupt to a counter of the rig. */
  bind(index: number): void {
    const counter = { signal: () => void this.signals[index]++ };
    const data = new Uint8Array(Int32Array.of(7).buffer);
    const call = { eventfd: () => counter };
    this.device.interrupts.set(index, 'eventfd', 'trigger', data, call as never);
  }
}
