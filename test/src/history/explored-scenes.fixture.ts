/** Scenes whose order of steps the explorer finds: what it finds within two preemptions, and how it prints it. */
import { search } from '@mediated/explorer';

const UNREGISTER = new URL('../explore/protocols-unregister.fixture.js', import.meta.url);

/** What a search has found. */
interface Found {
  /** The failure, or that there is none and the search was complete. */
  readonly result: string;
  /** The failure's schedule, and whether replaying it fails in the same way. */
  readonly schedule: string;
  readonly replayed: boolean;
  readonly report: string;
}

async function explored(name: string): Promise<Found> {
  const scenario = { module: UNREGISTER, name };
  const { failure, complete } = await search(name, scenario, { preemptions: 2 });
  if (failure === undefined) {
    return { result: complete ? 'nothing is wrong' : 'cut short', schedule: '', replayed: false, report: '' };
  }
  const { message, schedule, report } = failure;
  const again = await search(name, scenario, { replay: schedule });
  return { result: message, schedule, replayed: again.failure?.message === message, report };
}

export const create = () => explored('rwsemCreate2');
export const slowCreate = () => explored('rwsemSlowCreate');
export const remove = () => explored('rwsemRemove2');
export const slowRemove = () => explored('rwsemSlowRemove');
