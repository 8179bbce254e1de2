/** The targets of the protocols of a parent: unregistration against creates and removals, creates against creates. */
import type { Target } from './targets.js';

const { POSITIVE_INFINITY: ALL } = Number;
const GATES = ['rwsem', 'refcount', 'srcu'] as const;

const unregister = (name: string, preemptions: number, parameters: Record<string, unknown>): Target => ({
  name,
  file: 'protocols-unregister',
  scenario: 'unregister',
  parameters,
  preemptions,
});

const creates = (name: string, preemptions: number, parameters: Record<string, unknown>): Target => ({
  name,
  file: 'protocols-create',
  scenario: 'creates',
  parameters: { gate: 'rwsem', ...parameters },
  preemptions,
});

const opens = (name: string, preemptions: number, parameters: Record<string, unknown>): Target => ({
  name,
  file: 'protocols-open',
  scenario: 'opens',
  parameters,
  preemptions,
});

export const PROTOCOLS: readonly Target[] = [
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
  { name: 'device set', file: 'protocols-sets', scenario: 'sets', preemptions: 2 },
  {
    name: 'device set, 3 actors',
    file: 'protocols-sets',
    scenario: 'sets',
    parameters: { threads: 3 },
    preemptions: 1,
  },
  opens('open, close and remove', 1, { end: 'remove' }),
  opens('open, close and remove, 2 files', 0, { end: 'remove', files: 2 }),
  opens('open, close and remove, slow opens', 0, { end: 'remove', slow: 'open' }),
  opens('open, close and unregister', 0, { end: 'unregister' }),
  opens('open, close and unregister, slow opens', 0, { end: 'unregister', slow: 'open' }),
];
