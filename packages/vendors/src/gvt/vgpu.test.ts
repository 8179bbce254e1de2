import type { MdevParent } from '@mediated/core';
import { hardwareOf } from '#dist/gvt/hardware.js';
import { GpuResources, RESOURCES_BYTES } from '#dist/gvt/resources.js';
import { Vgpu } from '#dist/gvt/vgpu.js';
import { beforeEach, describe, expect, test } from 'vitest';

const hardware = hardwareOf(undefined);
const code = (name: string) => expect.objectContaining({ code: name });
let live: Set<number>;
let resources: GpuResources;
let steps: string[];

beforeEach(() => {
  live = new Set();
  steps = [];
  const memory = { vgpus: new Int32Array(new SharedArrayBuffer(RESOURCES_BYTES)) };
  const devices = { isCurrent: (slot: number) => live.has(slot) };
  const parent = { memory, budgets: {} } as unknown as MdevParent;
  resources = new GpuResources(parent, devices as unknown as ConstructorParameters<typeof GpuResources>[1], hardware);
});

function create(slot: number, index = 0): Vgpu {
  live.add(slot);
  const step = (name: string) => (vgpu: Vgpu) =>
    void steps.push(`${name} ${vgpu.attached ? 'attached' : ''} ${vgpu.active ? 'active' : ''} ${vgpu.dma.size}`);
  const hooks = {
    activated: step('activated'),
    idle: step('idle'),
    discardWork: step('discardWork'),
    dropPageTables: step('dropPageTables'),
  };
  const access = {
    pin: (_: bigint | number, pages: number) => Array.from({ length: pages }, () => new Uint8Array(4096)),
    unpin: () => void steps.push('unpin'),
  };
  return new Vgpu(resources, hardware, hooks, resources.take(slot, 1, index), index, access);
}

describe('a vGPU', () => {
  test('gvt 7: opened without a machine ESRCH, by one that has another EEXIST; it is neither attached nor active', () => {
    const first = create(10);
    const second = create(11);
    expect(() => first.open(0)).toThrow(code('ESRCH'));
    first.open(5);
    expect(() => second.open(5)).toThrow(code('EEXIST'));
    expect([second.attached, second.active]).toEqual([false, false]);
    second.open(6);
    expect([first.attached, first.active, second.attached, second.active]).toEqual([true, true, true, true]);
  });

  test('gvt 8, 9: closing ends the running, then detaches, then unpins; nothing is mapped afterwards', async () => {
    const vgpu = create(10);
    vgpu.open(5);
    vgpu.dma.map(3);
    await vgpu.close();
    expect(steps).toEqual(['activated attached active 0', 'idle attached  1', 'discardWork attached  1', 'unpin']);
    expect([vgpu.attached, vgpu.active, vgpu.dma.size]).toEqual([false, false, 0]);
    expect(() => vgpu.dma.map(3)).toThrow(code('EINVAL'));
  });

  test('gvt 10: page tables are dropped by a reset, not by one of a guest that sleeps', async () => {
    const vgpu = create(10);
    await vgpu.reset();
    expect(steps.map((step) => step.split(' ')[0])).toEqual(['idle', 'discardWork', 'dropPageTables']);
    steps = [];
    vgpu.config.sleeping = true;
    await vgpu.reset();
    expect(steps.map((step) => step.split(' ')[0])).toEqual(['idle', 'discardWork']);
  });
});

describe('resources', () => {
  test('gvt 4: ids end at 7 although there is memory', () => {
    const large = hardwareOf({ aperture: 1024, memory: 4096 });
    const memory = { vgpus: new Int32Array(new SharedArrayBuffer(RESOURCES_BYTES)) };
    const devices = { isCurrent: () => true } as unknown as ConstructorParameters<typeof GpuResources>[1];
    // As if there were twice as much.
    const gpu = new GpuResources({ memory, budgets: {} } as unknown as MdevParent, devices, {
      ...large,
      total: 2 ** 33,
    });
    const ids = Array.from({ length: 7 }, (_, slot) => gpu.take(slot, 1, 0).id);
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(() => gpu.take(8, 1, 0)).toThrow(code('ENOSPC'));
  });

  test('gvt 6: a hole is filled when it is large enough, else what is behind is taken', () => {
    const taken = [0, 1, 0].map((index, slot) => {
      live.add(slot);
      return resources.take(slot, 1, index);
    });
    const megabytes = (bytes: number) => bytes / 2 ** 20;
    expect(taken.map(({ low }) => megabytes(low.start))).toEqual([128, 192, 320]);
    expect(taken.map(({ fences }) => fences[0])).toEqual([4, 8, 12]);
    resources.giveBack(taken[0].id);
    live.add(7);
    expect(megabytes(resources.take(7, 1, 1).low.start)).toBe(384);
    live.add(8);
    expect(resources.take(8, 1, 0)).toMatchObject({ low: { start: 128 * 2 ** 20 }, fences: [16, 17, 18, 19] });
  });

  test('memory that is not in one piece is ENOSPC although the formula says 1, and nothing is taken', () => {
    const taken = [0, 0, 1, 0].map((index, slot) => {
      live.add(slot);
      return resources.take(slot, 1, index);
    });
    resources.giveBack(taken[0].id);
    const configuration = { number: 4, low: 2 ** 27, high: 2 ** 29, fences: 4, weight: 4, width: 0, height: 0 };
    expect(resources.available(configuration)).toBe(1);
    expect(() => resources.take(9, 1, 1)).toThrow(code('ENOSPC'));
    expect(resources.available(configuration)).toBe(1);
  });

  test('gvt 1: what a device had that is gone without a word counts no more', () => {
    create(10, 2);
    live.delete(10);
    expect(create(11, 2).id).toBe(1);
  });
});
