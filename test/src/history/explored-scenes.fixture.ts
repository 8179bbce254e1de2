/** Scenes whose order of steps the explorer finds: what it finds within two preemptions, and how it prints it. */
import { type FailureKind, search } from '@mediated/explorer';
import type { UnregisterPlan } from '../explore/protocols-unregister.fixture.js';

const UNREGISTER = new URL('../explore/protocols-unregister.fixture.js', import.meta.url);

const BUDGET = new URL('./budget.fixture.js', import.meta.url);

/** What a search has found. */
export interface Found {
  readonly kind: FailureKind | undefined;
  /** The failure, or that there is none and the search was complete. */
  readonly result: string;
  /** The failure's schedule, and whether replaying it fails in the same way. */
  readonly schedule: string;
  readonly replayed: boolean;
  readonly report: string;
}

async function explored(module: URL, name: string, parameters: object = {}): Promise<Found> {
  const scenario = { module, name };
  const given = { ...parameters };
  const { failure, complete } = await search(name, scenario, { preemptions: 2, parameters: given });
  if (failure === undefined) {
    return {
      kind: undefined,
      result: complete ? 'nothing is wrong' : 'cut short',
      schedule: '',
      replayed: false,
      report: '',
    };
  }
  const { kind, message, schedule, report } = failure;
  const again = await search(name, scenario, { replay: schedule, parameters: given });
  return { kind, result: message, schedule, replayed: again.failure?.message === message, report };
}

const unregister = (plan: UnregisterPlan) => explored(UNREGISTER, 'unregister', plan);

export const create = () => unregister({ gate: 'rwsem', operation: 'create' });
export const slowCreate = () => unregister({ gate: 'rwsem', operation: 'create', slow: 'probe' });
export const remove = () => unregister({ gate: 'rwsem', operation: 'remove' });
export const slowRemove = () => unregister({ gate: 'rwsem', operation: 'remove', slow: 'remove' });
export const refcountCreate = () => unregister({ gate: 'refcount', operation: 'create' });
export const refcountSlowRemove = () => unregister({ gate: 'refcount', operation: 'remove', slow: 'remove' });
export const srcuCreate = () => unregister({ gate: 'srcu', operation: 'create' });
export const srcuSlowRemove = () => unregister({ gate: 'srcu', operation: 'remove', slow: 'remove' });
const cycle = (gate: UnregisterPlan['gate']) =>
  unregister({ gate, operation: 'remove', slow: 'remove', heldByHome: true });
export const rwsemCycle = () => cycle('rwsem');
export const refcountCycle = () => cycle('refcount');
export const srcuCycle = () => cycle('srcu');
export const twoDisplays = () => explored(BUDGET, 'twoDisplays');
