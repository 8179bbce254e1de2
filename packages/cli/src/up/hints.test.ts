/** What `mediated up` says to try. */
import { hints } from '#dist/up/hints.js';
import { Report } from '#dist/up/report.js';
import type { Parent } from '@mediated/core';
import { expect, test } from 'vitest';

const output = { write: () => true };
const report = new Report(output, output, false);
const parents = [
  { name: 'disk0', bus: 'pci', types: [{ id: 'disk' }] },
  { name: 'mtty', bus: 'mdev', types: [{ id: 'mtty-1' }, { id: 'mtty-2' }] },
] as unknown as Parent[];

test('paths are words of a shell, whatever they are called', () => {
  const text = hints(report, { tree: "/tmp/it's here", instance: 'default', parents }).join('\n');
  expect(text).toContain("tree='/tmp/it'\\''s here'\n");
  expect(text).toContain('type=$tree/class/mdev_bus/mtty/mdev_supported_types/mtty-2\n');
});

test('without a tree it is the commands that create devices, on the instance of that name', () => {
  const text = hints(report, { tree: undefined, instance: 'two', parents }).join('\n');
  expect(text).toContain('mediated create mtty mtty-2 --instance two');
  expect(text).not.toContain('tree=');
});

test('without parents there is nothing to create', () => {
  expect(hints(report, { tree: '/t', instance: 'default', parents: [] }).join('\n')).not.toContain('create');
});
