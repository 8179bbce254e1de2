/** The commands `mediated fleet …`, as data. Read by `../commands.ts`. */
import { SERVER_OPTIONS } from './options.js';

const STATUSES = [
  [0, 'done'],
  [1, 'refused, or no such fleet: told in one sentence'],
  [2, 'the command line was wrong'],
  [130, 'stopped by Ctrl-C'],
] as const;

const STATUSES_OF_FOLLOWING = [
  [0, 'ended by Ctrl-C or by --for'],
  [1, 'no such fleet, or it could not go on'],
  [2, 'the command line was wrong'],
  [130, 'ended by a second Ctrl-C, at once'],
] as const;

const UNTIL = {
  value: 'N',
  least: 0,
  most: 864_000,
  fallback: 0,
  help: 'end after so many seconds; 0: Ctrl-C ends it',
} as const;
const JSON_LIST = { flag: true, help: 'as JSON' } as const;

export const FLEET_COMMANDS = {
  'fleet status': {
    summary: 'hosts of a fleet, alive or lost',
    about: ['Lists the hosts of a fleet with their state and how many devices they have.'],
    options: {
      hosts: { value: 'N', least: 0, most: 100_000, fallback: 0, help: 'waits until so many are alive' },
      ...SERVER_OPTIONS,
      json: JSON_LIST,
    },
    statuses: STATUSES,
  },
  'fleet types': {
    summary: 'what the hosts of a fleet offer',
    about: ['Lists the types of all living hosts, with how many are still available.'],
    options: { ...SERVER_OPTIONS, json: JSON_LIST },
    statuses: STATUSES,
  },
  'fleet list': {
    summary: 'devices of a fleet',
    about: ['Lists devices with their hosts; `lost` are those whose host is.'],
    options: {
      host: { value: 'HOST', fallback: '', fallbackName: 'all', help: 'only of this host' },
      ...SERVER_OPTIONS,
      json: JSON_LIST,
    },
    statuses: STATUSES,
  },
  'fleet create': {
    summary: 'creates devices where there is room',
    about: [
      'Prints the UUID and the host of each. Hosts are chosen by what they publish; one',
      'that has no room after all is passed over. What was not created is told on',
      'stderr, a line each; then the exit status is 1.',
    ],
    words: {
      type: { value: 'TYPE', optional: true, help: 'as `mediated fleet types` names it' },
    },
    options: {
      count: { value: 'N', least: 1, most: 100_000, fallback: 1, help: 'how many' },
      policy: {
        value: 'POLICY',
        choices: ['spread', 'pack'],
        fallback: 'spread',
        help: 'over all hosts, or one after the other',
      },
      near: { value: 'WHAT', fallback: '', fallbackName: 'nothing', help: 'a host, or the UUID of a device' },
      host: { value: 'HOST', fallback: '', fallbackName: 'any', help: 'only on this one' },
      parent: { value: 'PARENT', fallback: '', fallbackName: 'any', help: 'only of parents of this name' },
      api: { value: 'API', fallback: '', fallbackName: 'any', help: 'only of this device_api' },
      attributes: { value: 'A=B,C=D', fallback: '', fallbackName: 'any', help: 'of types, drivers, hosts' },
      uuid: { value: 'UUID', fallback: '', fallbackName: 'random', help: 'of the first one' },
      ...SERVER_OPTIONS,
      json: JSON_LIST,
    },
    statuses: STATUSES,
  },
  'fleet remove': {
    summary: 'removes devices, wherever they are',
    about: ['Waits while a device is in use. Its UUID is free in the whole fleet afterwards.'],
    words: { uuid: { value: 'UUID', optional: true, help: 'a device; left out only with --all' } },
    options: { all: { flag: true, help: 'every device of the fleet' }, ...SERVER_OPTIONS },
    statuses: STATUSES,
  },
  'fleet fence': {
    summary: 'gives a lost host up and frees its UUIDs',
    about: [
      'Only a host that is lost can be given up. If it still runs somewhere, cut off,',
      'it removes its devices when it is back; until then they may still be there.',
    ],
    words: { host: { value: 'HOST', help: 'as `mediated fleet status` names it' } },
    options: { ...SERVER_OPTIONS },
    statuses: STATUSES,
  },
  'fleet events': {
    summary: 'what happens in a fleet, also what has happened',
    about: [
      'A line per event, in the order of their sequence numbers. Without --sequence,',
      '--since or --all only what happens from now on.',
    ],
    options: {
      sequence: { value: 'N', least: 0, most: Number.MAX_SAFE_INTEGER, fallback: 0, help: 'from this one on' },
      since: { value: 'TIME', fallback: '', fallbackName: 'none', help: 'from this time on: 2026-01-31T12:00Z' },
      all: { flag: true, help: 'everything that is kept' },
      uuid: { value: 'UUID', fallback: '', fallbackName: 'all', help: 'only of this device' },
      host: { value: 'HOST', fallback: '', fallbackName: 'all', help: 'only of this host' },
      durable: { value: 'NAME', fallback: '', fallbackName: 'none', help: 'goes on where it was under this name' },
      'until-now': { flag: true, help: 'ends with what has happened so far' },
      for: UNTIL,
      ...SERVER_OPTIONS,
      json: { flag: true, help: 'one line of JSON per event' },
    },
    statuses: STATUSES_OF_FOLLOWING,
  },
  'fleet top': {
    summary: 'hosts, devices and events of a fleet, live',
    about: ['Redrawn every second on a terminal; elsewhere one table of one second.'],
    options: { for: UNTIL, ...SERVER_OPTIONS },
    statuses: STATUSES_OF_FOLLOWING,
  },
} as const;
