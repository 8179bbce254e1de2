import { Virqfd } from '#dist/irqs/virqfd.js';
import { InterruptCounter } from '@mediated/vfio';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

/** Resolves when a callback has run. */
function called(): { promise: Promise<void>; callback: () => void } {
  let callback = () => {};
  const promise = new Promise<void>((resolve) => {
    callback = resolve;
  });
  return { promise, callback };
}

const failed = (error: unknown) => expect.fail(String(error));

describe('a counter that a driver acts on', () => {
  test('vfio-core 23.30: one that is signalled already fires once', () => {
    const counter = InterruptCounter.create();
    counter.signal();
    counter.signal();
    let fired = 0;
    const virqfd = new Virqfd();
    virqfd.enable(counter, { handler: () => ++fired < 0, failed });
    expect([fired, counter.take()]).toEqual([1, 0]);
    return virqfd.disable();
  });

  test('vfio-core 23.30: a second one in the same place is EBUSY and takes nothing', async () => {
    const [first, second] = [InterruptCounter.create(), InterruptCounter.create()];
    second.signal();
    const virqfd = new Virqfd();
    virqfd.enable(first, { handler: () => false, failed });
    const enable = () => virqfd.enable(second, { handler: () => expect.fail('called'), failed });
    expect(enable).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(second.take()).toBe(1);
    await virqfd.disable();
    expect(virqfd.enabled).toBe(false);
  });

  test('vfio-core 23.30: after disable no callback runs; what is signalled stays in the counter', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    let fired = 0;
    virqfd.enable(counter, { handler: () => ++fired < 0, failed });
    await virqfd.disable();
    counter.signal();
    await turn();
    expect([fired, counter.take()]).toEqual([0, 1]);
    await virqfd.disable();
  });

  test('signals that come while it is being disabled are not lost, and call nothing', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    let fired = 0;
    counter.signal();
    // Two more while it is being enabled: they are taken at once, and looked at a moment later.
    const handler = () => {
      if (++fired === 1) for (let signal = 0; signal < 2; signal++) counter.signal();
      return false;
    };
    virqfd.enable(counter, { handler, failed });
    await virqfd.disable();
    expect([fired, counter.take()]).toEqual([1, 2]);
  });

  test('a signal calls the handler, again and again; the counter is consumed', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    for (let round = 0; round < 3; round++) {
      const { promise, callback } = called();
      virqfd.enable(counter, {
        handler: () => {
          callback();
          return false;
        },
        failed,
      });
      counter.signal();
      await promise;
      expect(counter.take()).toBe(0);
      await virqfd.disable();
    }
  });

  test('the thread callback runs when there is no handler or it says so, once for what has come together', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    let worked = 0;
    let wanted = true;
    counter.signal();
    virqfd.enable(counter, { handler: () => wanted, thread: () => void worked++, failed });
    expect(worked).toBe(0);
    await virqfd.flush();
    expect(worked).toBe(1);
    await virqfd.disable();
    wanted = false;
    counter.signal();
    virqfd.enable(counter, { handler: () => wanted, thread: () => void worked++, failed });
    await virqfd.flush();
    expect(worked).toBe(1);
    await virqfd.disable();
  });

  test('disable waits for a thread callback that is due or running', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    const gate = called();
    let ended = false;
    counter.signal();
    const thread = async () => {
      await gate.promise;
      ended = true;
    };
    virqfd.enable(counter, { thread, failed });
    const disabled = virqfd.disable().then(() => ended);
    await turn();
    expect(ended).toBe(false);
    gate.callback();
    expect(await disabled).toBe(true);
  });

  test('a callback that throws is reported, and the next signal is served', async () => {
    const counter = InterruptCounter.create();
    const virqfd = new Virqfd();
    const errors: unknown[] = [];
    counter.signal();
    virqfd.enable(counter, {
      handler() {
        throw new Error('handler');
      },
      failed: (error) => errors.push(error),
    });
    await virqfd.disable();
    counter.signal();
    virqfd.enable(counter, {
      thread() {
        throw new Error('thread');
      },
      failed: (error) => errors.push(error),
    });
    await virqfd.disable();
    expect(errors).toEqual([new Error('handler'), new Error('thread')]);
  });
});
