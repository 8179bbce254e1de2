/** Types of the public entry: checked when the tests are compiled, nothing happens at run time. */
import type { ClientOptions } from '@mediated/core/actor';
import {
  type BusClient,
  type BusTicket,
  defineMdevDriver,
  type DriverInfo,
  type GateKind,
  type Mdev,
  type MdevDevice,
  type MdevPresence,
  type MdevType,
  type Parent,
  type ParentSpec,
  Runtime,
  type RuntimeOptions,
  type Uevent,
} from '@mediated/core';
import type { Semaphore } from '@mediated/core/sync';
import { expectTypeOf, test } from 'vitest';

test('runtime, parent and device', () => {
  expectTypeOf(Runtime.start).parameters.toEqualTypeOf<[options?: RuntimeOptions]>();
  expectTypeOf<RuntimeOptions['gate']>().toEqualTypeOf<GateKind | undefined>();
  expectTypeOf<Runtime['loadDriver']>().returns.resolves.toEqualTypeOf<DriverInfo>();
  expectTypeOf<Runtime['registerParent']>().parameter(0).toEqualTypeOf<ParentSpec>();
  expectTypeOf<Runtime['registerParent']>().returns.resolves.toEqualTypeOf<Parent>();
  expectTypeOf<Runtime['unregisterParent']>().parameter(0).toEqualTypeOf<string | Parent>();
  expectTypeOf<Parent['create']>().parameters.toEqualTypeOf<[type: string, uuid?: string, at?: number]>();
  expectTypeOf<Parent['create']>().returns.resolves.toEqualTypeOf<Mdev>();
  expectTypeOf<Parent['createSync']>().returns.toEqualTypeOf<Mdev>();
  expectTypeOf<Mdev['remove']>().returns.resolves.toBeVoid();
  expectTypeOf<Mdev['presence']>().toEqualTypeOf<MdevPresence>();
  expectTypeOf<Parameters<typeof BusClient.attach>>().toEqualTypeOf<[ticket: BusTicket, options?: ClientOptions]>();
});

test('a parent is registered with a name and a driver; its spec is read-only', () => {
  expectTypeOf<{ name: string; driver: string }>().toExtend<ParentSpec>();
  expectTypeOf<{ name: string }>().not.toExtend<ParentSpec>();
  expectTypeOf<{ gate: 'spinlock' }>().not.toExtend<RuntimeOptions>();
});

test('uevents are typed by their name', () => {
  expectTypeOf<Runtime['bus']['events']['on']>().toBeCallableWith('add', (event: Uevent) => void event.sequence);
  expectTypeOf<Runtime['bus']['events']['on']>().toBeCallableWith('lost', (count: number) => void count);
});

test('a driver gets the budgets that it declares, and devices in its callbacks', () => {
  defineMdevDriver({
    name: 'typed',
    deviceApi: 'vfio-pci',
    types: [{ sysfsName: 'one' }],
    shared: { ports: { budget: 24 } },
    start(host) {
      expectTypeOf(host.shared.ports).toEqualTypeOf<Semaphore>();
      expectTypeOf(host.shared).not.toHaveProperty('memory');
      return {
        probe: (device) => {
          expectTypeOf(device).toEqualTypeOf<MdevDevice>();
          expectTypeOf(device.type).toEqualTypeOf<MdevType>();
        },
        remove: async () => {},
        getAvailable: (type) => type.index,
      };
    },
  });
  // @ts-expect-error a driver without deviceApi
  defineMdevDriver({ name: 'untyped', types: [], start: () => ({}) });
  // @ts-expect-error a probe that returns something
  defineMdevDriver({ name: 'untyped', deviceApi: 'vfio-pci', types: [], start: () => ({ probe: () => 7 }) });
});
