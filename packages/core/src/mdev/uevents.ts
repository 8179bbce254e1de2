/**
 * Uevents: how the core and frameworks put them into the log, and how a reader makes them text.
 * The variables and their order are the kernel's (spec/mdev-core section 11).
 */
import { formatUuid, UUID_WORDS } from '../memory/uuid.js';
import type { BusMemory } from './bus-memory.js';
import { EVENT_WORDS } from './event-layout.js';
import type { EventLog } from './event-log.js';
import type { EventReader } from './event-reader.js';
import {
  DEVICE_NAME,
  DEVICE_PARENT,
  DEVICE_UUID,
  MDEV_BUS,
  PARENT_BUS,
  PARENT_PATH,
  PARENT_SUBSYSTEM,
} from './layout.js';

/** What happened. The number is the event's first word. */
export const ACTIONS = ['add', 'remove', 'change', 'bind', 'unbind', 'move', 'online', 'offline'] as const;
export type Action = (typeof ACTIONS)[number];

/** What it happened to. */
const MDEV = 0;
const PARENT = 1;
/** A device below an mdev, like `vfio-dev/vfio0`. */
const CHILD = 2;
/** A virtual device with a node, like `/devices/virtual/vfio/0`. */
const NODE = 3;
/** Something named by a path: a driver, a class, a module. */
const OBJECT = 4;

/** Bit of an event's kind: somebody asked for it, by writing to a `uevent` file. */
const SYNTHETIC = 8;
/** Bit of an event's kind: the device is not on the mdev bus. Words 3 and 4 are its path below the parent and its bus. */
const NAMED = 16;
/** Words of a synthetic event: bytes of the text, then the text: UUID and arguments as written. */
const TEXT_LENGTH = 10;
const TEXT = 11;
/** Words of an event that is not synthetic. */
const PLAIN_WORDS = 10;

/** A uevent as listeners get it. */
export interface Uevent {
  readonly action: Action;
  /** Without the leading `/sys`. */
  readonly devpath: string;
  readonly subsystem: string;
  /** All variables in the kernel's order, ACTION first and SEQNUM last. */
  readonly variables: readonly (readonly [name: string, value: string])[];
  readonly sequence: number;
  /** Present for events of an mdev and of what lies below it. */
  readonly uuid?: string | undefined;
}

/** Text of a synthetic event on its way into the log, whose words are not bytes. */
const scratchText = Buffer.alloc((EVENT_WORDS - TEXT) * 4);
const scratchWords = new Int32Array(scratchText.buffer, scratchText.byteOffset, EVENT_WORDS - TEXT);

/**
 * Claims a record and writes what all events have. Returns where its body is; the caller fills in words 2 to 9 and
 * commits. `synthetic`: UUID and arguments of a synthetic event, `0` when it has none; empty for the core's own.
 */
function claim(log: EventLog, action: Action, kind: number, synthetic: string): number {
  const body = log.claim(synthetic === '' ? PLAIN_WORDS : EVENT_WORDS);
  log.words[body] = ACTIONS.indexOf(action);
  log.words[body + 1] = kind;
  if (synthetic !== '') {
    log.words[body + 1] |= SYNTHETIC;
    log.words[body + TEXT_LENGTH] = scratchText.write(synthetic, 'latin1');
    log.words.set(scratchWords, body + TEXT);
  }
  return body;
}

/** An event of an mdev; `driver` is the name id of the driver bound at this instant, or -1. */
export function emitMdev(memory: BusMemory, action: Action, index: number, driver: number, synthetic = ''): void {
  const { events } = memory;
  const body = claim(events, action, MDEV, synthetic);
  describeMdev(memory, index, body);
  events.words[body + 7] = driver;
  events.commit();
}

/** An event of a parent device; `state` is the value of MDEV_STATE, if any. */
export function emitParent(
  memory: BusMemory,
  action: Action,
  parent: number,
  state: '' | 'registered' | 'unregistered',
  synthetic = '',
): void {
  const { events, parents } = memory;
  const base = parents.base(parent);
  const body = claim(events, action, PARENT, synthetic);
  events.words[body + 2] = parents.words[base + PARENT_PATH];
  events.words[body + 7] = parents.words[base + PARENT_SUBSYSTEM];
  events.words[body + 8] = state === '' ? 0 : state === 'registered' ? 1 : 2;
  events.commit();
}

/** An event of a device `<subsystem>/<stem><number>` below an mdev. */
export function emitChild(
  memory: BusMemory,
  action: Action,
  index: number,
  subsystem: string,
  stem: string,
  number: number,
): void {
  const { events, names } = memory;
  const subsystemName = names.intern(subsystem);
  const stemName = names.intern(stem);
  const body = claim(events, action, CHILD, '');
  describeMdev(memory, index, body);
  events.words[body + 7] = subsystemName;
  events.words[body + 8] = stemName;
  events.words[body + 9] = number;
  events.commit();
}

/** An event of `/devices/virtual/<subsystem>/<number>` with a device node. */
export function emitNode(memory: BusMemory, action: Action, subsystem: string, number: number, major: number): void {
  const { events, names } = memory;
  const subsystemName = names.intern(subsystem);
  const body = claim(events, action, NODE, '');
  events.words[body + 7] = subsystemName;
  events.words[body + 8] = major;
  events.words[body + 9] = number;
  events.commit();
}

/** An event of something that is no device: path `<stem>/<name>`, e.g. `/module` and `mtty`. */
export function emitObject(
  memory: BusMemory,
  action: Action,
  stem: string,
  name: string,
  subsystem: string,
  synthetic = '',
): void {
  const { events, names } = memory;
  // Interning may fail: before the claim, or the record would never be committed.
  const ids = [stem, subsystem, name].map((text) => names.intern(text));
  const body = claim(events, action, OBJECT, synthetic);
  events.words[body + 2] = ids[0];
  events.words[body + 7] = ids[1];
  events.words[body + 8] = ids[2];
  events.commit();
}

function describeMdev(memory: BusMemory, index: number, body: number): void {
  const { devices, events, parents } = memory;
  const { words } = devices;
  const base = devices.base(index);
  const parent = parents.base(words[base + DEVICE_PARENT]);
  events.words[body + 2] = parents.words[parent + PARENT_PATH];
  if (words[base + DEVICE_NAME] !== 0) {
    events.words[body + 1] |= NAMED;
    events.words[body + 3] = words[base + DEVICE_NAME] - 1;
    events.words[body + 4] = parents.words[parent + PARENT_BUS];
    return;
  }
  for (let word = 0; word < UUID_WORDS; word++) events.words[body + 3 + word] = words[base + DEVICE_UUID + word];
}

/** The text of the event that `reader` has just read. */
export function formatUevent(memory: BusMemory, reader: EventReader): Uevent {
  const { body, sequence } = reader;
  const synthetic = (body[1] & SYNTHETIC) !== 0;
  const action = ACTIONS[body[0]];
  const name = (word: number) => memory.nameOf(body[word]);
  const finish = (devpath: string, subsystem: string, own: [string, string][], uuid?: string): Uevent => ({
    action,
    devpath,
    subsystem,
    sequence,
    uuid,
    variables: [
      ['ACTION', action],
      ['DEVPATH', devpath],
      ['SUBSYSTEM', subsystem],
      ...(synthetic ? syntheticVariables(body) : []),
      ...own,
      ['SEQNUM', String(sequence)],
    ],
  });
  const named = (body[1] & NAMED) !== 0;
  const uuid = named ? undefined : formatUuid(body, 3);
  const device = `${name(2)}/${uuid ?? name(3)}`;
  switch (body[1] & ~(SYNTHETIC | NAMED)) {
    case MDEV:
      return finish(device, named ? name(4) : MDEV_BUS, body[7] < 0 ? [] : [['DRIVER', name(7)]], uuid);
    case PARENT:
      return finish(
        name(2),
        name(7),
        body[8] === 0 ? [] : [['MDEV_STATE', body[8] === 1 ? 'registered' : 'unregistered']],
      );
    case CHILD:
      return finish(`${device}/${name(7)}/${name(8)}${body[9]}`, name(7), [], uuid);
    case NODE:
      return finish(`/devices/virtual/${name(7)}/${body[9]}`, name(7), [
        ['MAJOR', String(body[8])],
        ['MINOR', String(body[9])],
        ['DEVNAME', `${name(7)}/${body[9]}`],
      ]);
    default:
      return finish(`${name(2)}/${name(8)}`, name(7), []);
  }
}

/** The variables of `UUID KEY=VALUE ...`. */
function syntheticVariables(body: Int32Array): [string, string][] {
  const text = Buffer.from(body.buffer, TEXT * 4, body[TEXT_LENGTH]).toString('latin1');
  const [uuid, ...args] = text.split(' ');
  return [
    ['SYNTH_UUID', uuid],
    ...args.map((arg): [string, string] => {
      const at = arg.indexOf('=');
      return [`SYNTH_ARG_${arg.slice(0, at)}`, arg.slice(at + 1)];
    }),
  ];
}
