/**
 * What the devices of a parent take, and what is left: budgets of the parent that the driver's threads share, so that
 * no schedule gives more than there is and a dead thread's share returns. Used by the driver's callbacks on any thread.
 *
 * Taking is several steps (look at the other groups, then take from several budgets), and a create must not fail for what
 * another one holds for a moment only: the permit of the budget `lock` is held for all of them. Giving back is not
 * locked: it only makes room. Reading is a look at each budget, as of a moment.
 */
import { type BudgetSpec, MediatedError, type MdevParent, type MdevType } from '@mediated/core';
import { groupOf, needsOf, type Profile } from './profile.js';

/** Most devices of one type, where nothing else limits them. */
const UNLIMITED = 1_000_000;

const LOCK = 'lock';
const INSTANCES = 'instances';
const typeBudget = (name: string) => `type ${name}`;
const resourceBudget = (name: string) => `resource ${name}`;

/** The budgets of each parent. */
export function budgetsOf({ types, resources = {}, maxInstances }: Profile): Record<string, BudgetSpec> {
  return Object.fromEntries([
    [LOCK, { budget: 1 }],
    ...(maxInstances === undefined ? [] : [[INSTANCES, { budget: maxInstances }]]),
    ...Object.entries(resources).map(([name, budget]) => [resourceBudget(name), { budget }]),
    ...types.map(({ name, instances = UNLIMITED }) => [typeBudget(name), { budget: instances }]),
  ]) as Record<string, BudgetSpec>;
}

/** What a device of a type takes: units by budget. */
interface Bill {
  readonly group: string;
  readonly units: readonly (readonly [budget: string, units: number])[];
}

export class Allocation {
  readonly #profile: Profile;
  /** By type. */
  readonly #bills: readonly Bill[];

  constructor(profile: Profile) {
    this.#profile = profile;
    this.#bills = profile.types.map((type) => ({
      group: groupOf(type),
      units: [
        [typeBudget(type.name), 1],
        ...(profile.maxInstances === undefined ? [] : [[INSTANCES, 1] as const]),
        ...Object.entries(needsOf(profile, type)).map(([name, units]) => [resourceBudget(name), units] as const),
      ],
    }));
  }

  /** Takes what a device of the type needs. ENOSPC: something is used up, or the parent has others. */
  take(type: MdevType): void | Promise<void> {
    const lock = type.parentDevice.budgets[LOCK];
    if (!lock.tryAcquire()) {
      return lock.acquire().then((guard) => {
        try {
          this.#takeLocked(type);
        } finally {
          guard.release();
        }
      });
    }
    try {
      this.#takeLocked(type);
    } finally {
      lock.release();
    }
  }

  /** Gives back what {@link take} took. */
  give({ index, parentDevice }: MdevType): void {
    // The type last: only then may types of another group come.
    for (const [budget, units] of this.#bills[index].units.toReversed()) parentDevice.budgets[budget].release(units);
  }

  /** How many more devices of the type there is room for. */
  available({ index, parentDevice }: MdevType): number {
    if (this.#occupant(index, parentDevice) !== undefined) return 0;
    const left = this.#bills[index].units.map(([budget, units]) =>
      Math.floor(parentDevice.budgets[budget].value / units),
    );
    return Math.min(...left);
  }

  /** How many units of a resource are free. */
  free(parent: MdevParent, resource: string): number {
    return parent.budgets[resourceBudget(resource)].value;
  }

  #takeLocked({ index, sysfsName, parentDevice }: MdevType): void {
    const occupant = this.#occupant(index, parentDevice);
    if (occupant !== undefined) {
      const text = `${parentDevice.name} has devices of type ${occupant}, beside which ${sysfsName} is not possible`;
      throw new MediatedError('ENOSPC', text, { syscall: 'create' });
    }
    const taken: (() => void)[] = [];
    for (const [name, units] of this.#bills[index].units) {
      const budget = parentDevice.budgets[name];
      if (budget.tryAcquire(units)) {
        taken.push(() => budget.release(units));
        continue;
      }
      for (const giveBack of taken.reverse()) giveBack();
      const text = `${units} of ${name} are wanted for type ${sysfsName}, ${budget.value} are free`;
      throw new MediatedError('ENOSPC', text, { syscall: 'create' });
    }
  }

  /** On an exclusive parent, a type of another group of which it has devices. */
  #occupant(index: number, { budgets }: MdevParent): string | undefined {
    if (this.#profile.exclusive !== true) return undefined;
    const { group } = this.#bills[index];
    const other = this.#profile.types.find(
      ({ name, instances = UNLIMITED }, at) =>
        this.#bills[at].group !== group && budgets[typeBudget(name)].value < instances,
    );
    return other?.name;
  }
}
