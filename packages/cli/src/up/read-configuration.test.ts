/** What is taken for a configuration, and what is said of everything else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_CONFIGURATION } from '#dist/examples.js';
import { checkConfiguration, ConfigurationError, readConfiguration } from '#dist/up/read-configuration.js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediated-configuration-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The complaints about a value. */
function complaints(value: unknown): string {
  try {
    checkConfiguration(value, '/etc/m.json');
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  return '';
}

describe('a configuration', () => {
  test('of the package has every driver of the vendors', async () => {
    const { drivers } = await readConfiguration(DEFAULT_CONFIGURATION);
    const names = ['ap', 'ccw', 'gvt', 'mbochs', 'mdpy', 'mtty', 'sf', 'vgpu'];
    expect([...new Set(drivers.map(({ driver }) => driver))].sort()).toEqual(names);
  });

  test('is what the documentation shows', () => {
    const page = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, text]) => JSON.parse(text) as object);
    const shown = blocks.filter((block) => 'drivers' in block);
    expect(shown).toHaveLength(1);
    for (const block of shown) expect(complaints(block)).toBe('');
  });

  test('may name everything; paths are relative to its file', () => {
    const value = {
      $schema: './x.json',
      runtime: { gate: 'srcu', quirks: 'mended', restart: { intensity: 1, period: 1000 }, closeDeadline: 10 },
      drivers: [
        { driver: './own.js', threads: 2, parents: [{ name: 'a', path: '/devices/x/a', threads: 2 }] },
        { driver: 'vgpu', profile: './p.json', options: { name: 'n' }, faults: { fail_create: '1 EIO' } },
        { driver: 'vgpu', profile: 'a100', faults: false },
      ],
      pci: [{ name: '0000:05:00.0', vendor: '0x8086', device: '0x10d3' }],
      mount: 'tree',
      definitions: '../d',
    };
    expect(checkConfiguration(value, '/etc/m/m.json')).toEqual({
      ...value,
      drivers: [
        { ...value.drivers[0], driver: 'file:///etc/m/own.js' },
        { ...value.drivers[1], profile: '/etc/m/p.json' },
        value.drivers[2],
      ],
      mount: '/etc/m/tree',
      definitions: '/etc/d',
    });
  });

  test.each([
    [{}, '/drivers: found nothing, expected this field (drivers, loaded in this order)'],
    [[], '/: found [], expected an object (what mediated up starts)'],
    [{ drivers: {} }, '/drivers: found {}, expected a list (drivers, loaded in this order)'],
    [{ drivers: [{}] }, '/drivers/0/driver: found nothing, expected this field (ap, ccw,'],
    [{ drivers: [{ driver: 'mty' }] }, '/drivers/0/driver: found "mty", expected one of ap, ccw, gvt,'],
    [{ drivers: [{ driver: '' }] }, '/drivers/0/driver: found empty text, expected text'],
    [{ drivers: [{ driver: 'mtty', threads: 0 }] }, '/drivers/0/threads: found 0, expected a number from 1 to 16 (thr'],
    [{ drivers: [{ driver: 'mtty', threads: 1.5 }] }, '/drivers/0/threads: found 1.5, expected a whole number (thr'],
    [
      { drivers: [{ driver: 'mtty', thread: 1 }] },
      '/drivers/0/thread: found a field that is not known, expected one of',
    ],
    [{ drivers: [{ driver: 'mtty', faults: 'no' }] }, '/drivers/0/faults: found "no", expected an object or true or'],
    [{ drivers: [{ driver: 'mtty', faults: { x: [] } }] }, '/drivers/0/faults/x: found [], expected text or a whole'],
    [
      { drivers: [], runtime: { gate: 'mutex' } },
      '/runtime/gate: found "mutex", expected one of rwsem, refcount, srcu (w',
    ],
    [
      { drivers: [], runtime: { hangDeadline: -1 } },
      '/runtime/hangDeadline: found -1, expected a number from 0 to 2147',
    ],
    [
      { drivers: [{ driver: 'mtty', parents: [{ name: '../etc' }] }] },
      '/drivers/0/parents/0/name: found "../etc", expected text like',
    ],
    [{ drivers: [], 'a/b': 1 }, '/a~1b: found a field that is not known, expected one of $schema, runtime,'],
    [{ drivers: Array(33).fill({ driver: 'mtty' }) }, '/drivers: found 33 entries, expected at most 32'],
  ])('%j is refused: where, what was found, what was expected', (value, complaint) => {
    expect(complaints(value)).toContain(`/etc/m.json is no configuration:\n  `);
    expect(complaints(value)).toContain(complaint);
  });

  test('with many mistakes has all of them told, but not without end', () => {
    const drivers = Array.from({ length: 20 }, () => ({ driver: 1 }));
    const lines = complaints({ drivers }).split('\n');
    expect(lines).toHaveLength(14);
    expect(lines.at(-1)).toBe('  and 8 more');
  });

  test('is told apart from every other value, in lines that can be read', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ drivers: fc.jsonValue(), runtime: fc.jsonValue(), pci: fc.jsonValue() })),
        (value) => {
          for (const line of complaints(value).split('\n')) expect(line.length).toBeLessThan(4096);
        },
      ),
    );
  });

  test.each([
    ['nowhere.json', undefined, 'nowhere.json: it does not exist'],
    ['.', undefined, 'it is a folder'],
    ['bad.json', '{ "drivers": [ }', 'bad.json: it is no JSON: '],
  ])('that cannot be read (%s) is told with the reason', async (name, text, reason) => {
    const file = join(folder, name);
    if (text !== undefined) writeFileSync(file, text);
    await expect(readConfiguration(file)).rejects.toThrow(reason);
  });
});
