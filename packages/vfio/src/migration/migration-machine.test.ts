import { MediatedError } from '@mediated/core';
import { type AnonymousFile, MigrationMachine, type MigrationSteps, migrationArcs } from '@mediated/vfio';
import { MIGRATION_STATES, type MigrationState } from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const { error: ERROR, stop: STOP, running: RUNNING, stopCopy: STOP_COPY, resuming: RESUMING } = MIGRATION_STATES;
const { runningP2p: RUNNING_P2P, preCopy: PRE_COPY, preCopyP2p: PRE_COPY_P2P } = MIGRATION_STATES;
const code = (name: string) => expect.objectContaining({ code: name });

/** The arcs that open a data file. */
const OPENING = new Set(['2>6', '5>7', '1>3', '1>4']);

/** A driver that notes its steps, and opens files as drivers do. */
class Driver implements MigrationSteps {
  readonly steps: string[] = [];
  sessionsEnded = 0;
  fails: string | undefined;

  step(from: MigrationState, to: MigrationState): AnonymousFile | undefined {
    const arc = `${from}>${to}`;
    if (arc === this.fails) throw new MediatedError('EIO', arc);
    this.steps.push(arc);
    return OPENING.has(arc) ? { name: `[${arc}]` } : undefined;
  }

  endSessions(): void {
    this.sessionsEnded++;
  }
}

describe('a device’s migration state', () => {
  test('it begins with RUNNING and goes step by step, each one of those that drivers implement', () => {
    const arcs = new Set(migrationArcs(7).map(([from, to]) => `${from}>${to}`));
    const driver = new Driver();
    const machine = new MigrationMachine(7, driver);
    expect(machine.state).toBe(RUNNING);
    expect(machine.setState(STOP_COPY)).toEqual({ name: '[1>3]' });
    expect(driver.steps).toEqual(['2>5', '5>1', '1>3']);
    machine.setState(RESUMING);
    machine.setState(PRE_COPY);
    machine.setState(PRE_COPY_P2P);
    expect(driver.steps.slice(3)).toEqual(['3>1', '1>4', '4>1', '1>5', '5>2', '2>6', '6>7']);
    for (const step of driver.steps) expect(arcs).toContain(step);
  });

  test('vfio-core 23.24: a file comes from the last hop or not at all', () => {
    const states = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(1, 3, 5, 7), states, (flags, targets) => {
        const driver = new Driver();
        const machine = new MigrationMachine(flags, driver);
        for (const target of targets) {
          const [before, steps] = [machine.state, driver.steps.length];
          let file: unknown;
          try {
            file = machine.setState(target);
            expect(machine.state).toBe(target);
          } catch (error) {
            expect(error).toEqual(code('EINVAL'));
            expect([machine.state, driver.steps.length]).toEqual([before, steps]);
            continue;
          }
          const last = driver.steps.slice(steps).at(-1) ?? '';
          expect(file).toEqual(OPENING.has(last) ? { name: `[${last}]` } : undefined);
        }
      }),
    );
  });

  test('a file from a hop before the last is EINVAL, and closed', () => {
    let released = 0;
    const step = (): AnonymousFile => ({ name: '[early]', release: () => void released++ });
    const machine = new MigrationMachine(7, { step, endSessions() {} });
    expect(() => machine.setState(STOP)).toThrow(code('EINVAL'));
    expect([machine.state, released]).toEqual([RUNNING_P2P, 1]);
  });

  test('a step that fails leaves the device where the step before has brought it', () => {
    const driver = new Driver();
    driver.fails = '5>1';
    const machine = new MigrationMachine(7, driver);
    expect(() => machine.setState(STOP_COPY)).toThrow(code('EIO'));
    expect(machine.state).toBe(RUNNING_P2P);
    driver.fails = undefined;
    expect(machine.setState(STOP_COPY)).toBeDefined();
  });

  test('only reset leads out of ERROR, and ends sessions', () => {
    const driver = new Driver();
    const machine = new MigrationMachine(7, driver);
    driver.step = () => {
      machine.fail();
      throw new MediatedError('EIO', 'beyond repair');
    };
    expect(() => machine.setState(STOP)).toThrow(code('EIO'));
    expect([machine.state, driver.sessionsEnded]).toEqual([ERROR, 1]);
    for (const state of Object.values(MIGRATION_STATES)) expect(() => machine.setState(state)).toThrow(code('EINVAL'));
    machine.reset();
    expect([machine.state, driver.sessionsEnded]).toEqual([RUNNING, 2]);
  });
});

describe('steps that wait', () => {
  /** A driver each of whose steps waits until it is let go. */
  class SlowDriver implements MigrationSteps {
    readonly steps: string[] = [];
    ended = 0;
    #go: (() => void) | undefined;
    #arrived: (() => void) | undefined;

    step(from: MigrationState, to: MigrationState): Promise<undefined> {
      this.steps.push(`${from}>${to}`);
      this.#arrived?.();
      return new Promise((resolve) => {
        this.#go = () => resolve(undefined);
      });
    }

    endSessions(): void {
      this.ended++;
    }

    /** Lets the step go that waits, and resolves when the next one has begun. */
    next(): Promise<void> {
      return new Promise((resolve) => {
        this.#arrived = resolve;
        this.#go?.();
      });
    }

    finish(): void {
      this.#go?.();
    }
  }

  test('requests run one after the other, in the order in which they came', async () => {
    const driver = new SlowDriver();
    const machine = new MigrationMachine(1, driver);
    const requests = [machine.setState(STOP), machine.setState(RESUMING), machine.setState(RUNNING)];
    expect(driver.steps).toEqual(['2>1']);
    for (let step = 0; step < 3; step++) await driver.next();
    driver.finish();
    await Promise.all(requests);
    expect([driver.steps, machine.state]).toEqual([['2>1', '1>4', '4>1', '1>2'], RUNNING]);
  });

  test('a reset in between does not wait, and takes effect when the request has ended', async () => {
    const driver = new SlowDriver();
    const machine = new MigrationMachine(1, driver);
    const request = machine.setState(STOP);
    machine.reset();
    expect([machine.state, driver.ended]).toEqual([RUNNING, 0]);
    driver.finish();
    await request;
    await Promise.resolve();
    expect([machine.state, driver.ended]).toEqual([RUNNING, 1]);
    const again = machine.setState(STOP);
    driver.finish();
    await again;
    expect(machine.state).toBe(STOP);
  });

  test('a failed request lets the next one run', async () => {
    let steps = 0;
    const step = async (): Promise<undefined> => {
      if (steps++ === 0) throw new MediatedError('EIO', 'no');
    };
    const machine = new MigrationMachine(1, { step, endSessions() {} });
    const failed = machine.setState(STOP);
    const next = machine.setState(STOP);
    await expect(failed).rejects.toEqual(code('EIO'));
    await next;
    expect(machine.state).toBe(STOP);
  });
});
