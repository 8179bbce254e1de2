/**
 * A sample driver that tells in which order it is called, and what the framework does around that: its callbacks are
 * logged, and the documented channels of its thread. The log is in the load options. Used by the modules beside it.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { DriverModule } from '@mediated/core';
import { OrderLog } from '../../../dist/oracle/vfio/order-log.js';

type Callbacks = Record<string, ((...values: unknown[]) => unknown) | undefined>;

const CALLBACKS = ['init', 'release', 'openDevice', 'closeDevice', 'read', 'write', 'ioctl', 'mmap'];
const STEPS = ['create', 'probe', 'unbind', 'remove'];

/** The module of a driver that tells. */
export async function traced(url: URL): Promise<DriverModule> {
  const { default: module } = (await import(url.href)) as { default: DriverModule };
  return {
    ...module,
    async configure(options, threads) {
      const configured = { ...(await module.configure?.(undefined, threads)) };
      return {
        ...configured,
        options: { inner: configured.options, log: (options as { log: SharedArrayBuffer }).log },
      };
    },
    supervise: (memory, options) => module.supervise!(memory, (options as { inner: unknown }).inner),
    async start(host) {
      const { inner, log: buffer } = host.options as { inner: unknown; log: SharedArrayBuffer };
      const log = new OrderLog(buffer);
      for (const step of STEPS) {
        subscribe(`mediated:mdev:${step}:start`, () => log.write(`${step} {`));
        subscribe(`mediated:mdev:${step}:end`, () => log.write(`} ${step}`));
      }
      for (const step of ['open', 'close']) subscribe(`mediated:device:${step}`, () => log.write(step));
      const driver = await module.start({ ...host, options: inner });
      const { operations } = driver as unknown as { operations: Callbacks };
      for (const name of CALLBACKS) {
        const callback = operations[name];
        // What a kernel's driver has to give back is memory, which a driver here need not.
        if (callback === undefined && name !== 'release') continue;
        operations[name] = (...values) => {
          log.write(name);
          return callback?.apply(operations, values);
        };
      }
      return driver;
    },
  };
}
