/** The targets of the protocols of a parent: unregistration against creates and removals, creates against creates. */
import { type Target, targetsOf } from './target.js';

const { POSITIVE_INFINITY: ALL } = Number;
const GATES = ['rwsem', 'refcount', 'srcu'] as const;

/** Targets of the one scenario of a fixture, which takes parameters. */
const withParameters =
  (file: string, scenario: string, common: Target['parameters'] = {}) =>
  (name: string, preemptions: number, parameters: Target['parameters'] = {}): Target =>
    targetsOf(file)(name, scenario, preemptions, { parameters: { ...common, ...parameters } });

const unregister = withParameters('protocols-unregister', 'unregister');
const creates = withParameters('protocols-create', 'creates', { gate: 'rwsem' });
const sets = withParameters('protocols-sets', 'sets');
const opens = withParameters('protocols-open', 'opens');

export const PROTOCOLS: readonly Target[] = [
  // First: its yard has the controller take an id before a parent's locks do.
  targetsOf('set-deaths')('device set, deaths', 'setDeaths', 1, { kills: 1 }),
  ...GATES.flatMap((gate) => [
    unregister(`unregister (${gate}) and create`, gate === 'rwsem' ? 3 : 2, { gate, operation: 'create' }),
    unregister(`unregister (${gate}) and remove`, gate === 'rwsem' ? 3 : 2, { gate, operation: 'remove' }),
    unregister(`unregister (${gate}), create with a slow probe`, 2, { gate, operation: 'create', slow: 'probe' }),
    unregister(`unregister (${gate}), remove with a user`, 2, { gate, operation: 'remove', slow: 'remove' }),
  ]),
  unregister('unregister (rwsem) and create, 3 actors', 1, { gate: 'rwsem', operation: 'create', client: true }),
  unregister('unregister (rwsem) and remove, 3 actors', 1, { gate: 'rwsem', operation: 'remove', client: true }),
  creates('create and create, one UUID', ALL, { uuids: [1, 1] }),
  creates('create and create, one UUID, 3 actors', 2, { uuids: [1, 1, 1] }),
  creates('create and create, one instance', ALL, { uuids: [1, 2], instances: 1 }),
  creates('create and create, one instance, 3 actors', 2, { uuids: [1, 2, 3], instances: 1 }),
  creates('create and remove, one UUID', 3, { uuids: [1, 1], removes: true }),
  creates('create and remove, one instance', 3, { uuids: [1, 2], instances: 1, removes: true }),
  creates('create and remove, one UUID, 3 actors', 1, { uuids: [1, 1, 1], removes: true }),
  sets('device set', 2),
  sets('device set, 3 actors', 1, { threads: 3 }),
  opens('open, close and remove', 1, { end: 'remove' }),
  opens('open, close and remove, 2 files', 0, { end: 'remove', files: 2 }),
  opens('open, close and remove, slow opens', 0, { end: 'remove', slow: 'open' }),
  opens('open, close and unregister', 0, { end: 'unregister' }),
  opens('open, close and unregister, slow opens', 0, { end: 'unregister', slow: 'open' }),
];
