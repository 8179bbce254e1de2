/**
 * The state machine of a device (ccw section 3): what each event does in each state. Events come from the regions, from
 * open, close and reset, and from the subchannel; all on the device's thread. An action that awaits returns a promise,
 * and looks at the state again afterwards: NOT_OPER is final whatever else was under way.
 */
import type { ErrnoName } from '@mediated/core';
import { isMediatedError, isThenable } from '@mediated/core';
import { FUNCTION, ORB, SCSW } from './architected.js';
import { readWord } from './bits.js';
import type { CcwPrivate } from './private.js';
import { quiesce } from './quiesce.js';
import { COMMAND_CLEAR, COMMAND_HALT, COMMAND_REGION, IO_REGION } from './regions.js';

export type State = 'NOT_OPER' | 'STANDBY' | 'IDLE' | 'CP_PROCESSING' | 'CP_PENDING';
export type Event = 'NOT_OPER' | 'IO_REQ' | 'ASYNC_REQ' | 'INTERRUPT' | 'OPEN' | 'CLOSE';
type Action = (device: CcwPrivate) => void | Promise<void>;

/** The interruption subclass of devices that are passed through. */
const SUBCLASS = 3;

const nothing: Action = () => {};

/** Refuse an I/O request; refuse an asynchronous command. */
const refuseIo =
  (error: ErrnoName): Action =>
  (device) =>
    device.answerIo(error);
const refuseCommand =
  (error: ErrnoName): Action =>
  (device) =>
    device.answerCommand(error);

/** Nobody expects an interrupt. */
const disable: Action = ({ subchannel }) => void subchannel.disable();

/** The subchannel is of no use any more. */
const notOperational: Action = (device) => {
  device.subchannel.scheduleUnregistration();
  device.state = 'NOT_OPER';
  device.notOperationalWork.queue();
};

const open: Action = (device) => {
  device.subchannel.isc = SUBCLASS;
  if (device.subchannel.enable() === undefined) device.state = 'IDLE';
  else return raise(device, 'NOT_OPER');
};

const close: Action = async (device) => {
  const { subchannel } = device;
  if (!subchannel.enabled) return raise(device, 'NOT_OPER');
  let error = subchannel.disable();
  if (error === 'EBUSY') error = await quiesce(device);
  if (stateOf(device) === 'NOT_OPER') return;
  if (error !== undefined) return raise(device, 'NOT_OPER');
  device.state = 'STANDBY';
  await device.freeProgram();
};

const interrupt: Action = (device) => {
  device.ioWork.queue();
  device.complete();
};

/** A halt or clear leaves the state: the interrupt that ends it may change it. */
const asynchronous: Action = (device) => {
  const { subchannel, regions } = device;
  switch (readWord(regions[1], COMMAND_REGION.command.at)) {
    case COMMAND_HALT:
      return device.answerCommand(subchannel.halt());
    case COMMAND_CLEAR:
      return device.answerCommand(subchannel.clear());
    default:
      return device.answerCommand('EINVAL');
  }
};

/** Runs under the io mutex. With no function bit the old answer stays (quirk). */
const request: Action = (device) => {
  const { orb, scsw } = IO_REGION;
  const region = device.regions[0];
  const functions = SCSW.get(region, 'functions', scsw.at);
  device.state = 'CP_PROCESSING';
  if ((functions & FUNCTION.start) !== 0) {
    return startProgram(device, region.slice(orb.at, orb.at + orb.bytes));
  }
  if (functions !== 0) device.answerIo('EOPNOTSUPP');
  device.state = 'IDLE';
};

function startProgram(device: CcwPrivate, orb: Uint8Array): void | Promise<void> {
  const { program } = device;
  const fail = (error: unknown): void => {
    if (stateOf(device) === 'CP_PROCESSING') device.state = 'IDLE';
    device.answerIo(isMediatedError(error) ? error.code : 'EIO');
  };
  const failStarted = (error: unknown): void => {
    program.free();
    fail(error);
  };
  const start = (): void => {
    // Closed or lost while a long program was being translated: as if the request had come now.
    const error = stateOf(device) === 'CP_PROCESSING' ? startTranslated(device) : 'EIO';
    if (error === undefined) {
      device.state = 'CP_PENDING';
      device.answerIo();
      return;
    }
    program.free();
    if (stateOf(device) === 'CP_PROCESSING') device.state = 'IDLE';
    device.answerIo(error);
  };
  if (ORB.get(orb, 'transport') !== 0) {
    device.state = 'IDLE';
    return device.answerIo('EOPNOTSUPP');
  }
  try {
    program.init(orb);
  } catch (error) {
    return fail(error);
  }
  try {
    const translating = program.prefetch(device.surroundings.planner);
    if (isThenable(translating)) return (translating as Promise<void>).then(start, failStarted);
  } catch (error) {
    return failStarted(error);
  }
  return start();
}

function startTranslated({ program, subchannel }: CcwPrivate): ErrnoName | undefined {
  const orb = program.channelOrb(subchannel.identity, subchannel.lpm);
  return orb === undefined ? 'EIO' : subchannel.start(orb, program.storage);
}

/** The state as it is now; what an await or a call has changed is not seen in a variable that was tested before. */
function stateOf(device: CcwPrivate): State {
  return device.state;
}

const TABLE: Readonly<Record<State, Readonly<Record<Event, Action>>>> = {
  NOT_OPER: {
    NOT_OPER: nothing,
    IO_REQ: refuseIo('EIO'),
    ASYNC_REQ: refuseCommand('EIO'),
    INTERRUPT: disable,
    OPEN: nothing,
    CLOSE: nothing,
  },
  STANDBY: {
    NOT_OPER: notOperational,
    IO_REQ: refuseIo('EIO'),
    ASYNC_REQ: refuseCommand('EIO'),
    INTERRUPT: disable,
    OPEN: open,
    CLOSE: notOperational,
  },
  IDLE: {
    NOT_OPER: notOperational,
    IO_REQ: request,
    ASYNC_REQ: asynchronous,
    INTERRUPT: interrupt,
    OPEN: notOperational,
    CLOSE: close,
  },
  CP_PROCESSING: {
    NOT_OPER: notOperational,
    IO_REQ: refuseIo('EAGAIN'),
    ASYNC_REQ: refuseCommand('EAGAIN'),
    INTERRUPT: interrupt,
    OPEN: notOperational,
    CLOSE: close,
  },
  CP_PENDING: {
    NOT_OPER: notOperational,
    IO_REQ: refuseIo('EBUSY'),
    ASYNC_REQ: asynchronous,
    INTERRUPT: interrupt,
    OPEN: notOperational,
    CLOSE: close,
  },
};

/** Has an event act. IO_REQ and ASYNC_REQ are raised under the io mutex, CLOSE never is. */
export function raise(device: CcwPrivate, event: Event): void | Promise<void> {
  return TABLE[device.state][event](device);
}
