/** Which host gets the next device, by what hosts have published. */
import { candidatesFor, choose, type Policy, take } from '#dist/placement.js';
import type { HostView } from '#dist/view.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

function host(name: string, available: number, devices = 0, more: Partial<HostView> = {}): HostView {
  const types = [
    { type: 't-1', name: 'one', available, description: 'a description' },
    { type: 't-2', name: 'two', available: Math.floor(available / 2), description: '' },
  ];
  const parents = [{ parent: 'p0', driver: 'd', deviceApi: 'vfio-pci', types }];
  const inventory = { epoch: 'e', devices, number: 1, parents };
  return { name, epoch: 'e', term: 0, state: 'live', labels: {}, inventory, ...more };
}

/** Hosts of so many devices, one after the other. */
function place(hosts: readonly HostView[], count: number, policy: Policy, near?: HostView): string[] {
  const candidates = candidatesFor(hosts, { type: 't-1' }, near);
  return Array.from({ length: count }, () => {
    const chosen = choose(candidates, policy);
    if (chosen === undefined) return '-';
    take(candidates, chosen, 1);
    return chosen.host;
  });
}

describe('spread', () => {
  test('goes round, beginning with the emptiest', () => {
    expect(place([host('a', 9, 2), host('b', 9, 1), host('c', 9, 0)], 6, 'spread').join('')).toBe('cbacba');
  });

  test('passes over what is full', () => {
    expect(place([host('a', 1), host('b', 3)], 5, 'spread').join('')).toBe('babb-');
  });

  test('of any hosts: no host gets two more than another that has room', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 8 }), fc.nat(40), (rooms, count) => {
        const hosts = rooms.map((room, at) => host(`h${at}`, room));
        const chosen = place(hosts, count, 'spread');
        const counts = rooms.map((_, at) => chosen.filter((name) => name === `h${at}`).length);
        const withRoom = counts.filter((each, at) => each < rooms[at]);
        expect(counts.every((each, at) => each <= rooms[at])).toBe(true);
        if (withRoom.length > 0) expect(Math.max(...counts) - Math.min(...withRoom)).toBeLessThanOrEqual(1);
        expect(chosen.filter((name) => name !== '-')).toHaveLength(
          Math.min(
            count,
            rooms.reduce((sum, room) => sum + room, 0),
          ),
        );
      }),
    );
  });
});

describe('pack', () => {
  test('fills the fullest first', () => {
    expect(place([host('a', 2, 1), host('b', 2, 5), host('c', 2, 0)], 7, 'pack').join('')).toBe('bbaacc-');
  });
});

describe('near', () => {
  test('its host first, then by how many labels differ, whatever the policy', () => {
    const at = (name: string, zone: string, rack: string) => host(name, 1, 0, { labels: { zone, rack } });
    const hosts = [at('a', 'y', '1'), at('b', 'x', '2'), at('c', 'x', '1'), at('d', 'x', '1')];
    for (const policy of ['spread', 'pack'] as const) {
      expect(place(hosts, 4, policy, hosts[3]).join('')).toBe('dcab');
    }
  });
});

describe('candidates', () => {
  test.each(['joining', 'lost', 'left', 'fenced'] as const)('a host that is %s is none', (state) => {
    expect(candidatesFor([host('a', 1, 0, { state })], {}, undefined)).toEqual([]);
  });

  test.each([
    [{ type: 't-2' }, ['t-2']],
    [{ deviceApi: 'vfio-pci' }, ['t-1', 't-2']],
    [{ deviceApi: 'vfio-ccw' }, []],
    [{ attributes: { name: 'two' } }, ['t-2']],
    [{ attributes: { description: 'a description', driver: 'd' } }, ['t-1']],
    [{ attributes: { zone: 'x' }, type: 't-1' }, ['t-1']],
    [{ attributes: { zone: 'y' } }, []],
    [{ attributes: { toString: 'x' } }, []],
    [{ host: 'b' }, []],
    [{ parent: 'p1' }, []],
  ])('%j: %j', (wanted, types) => {
    const found = candidatesFor([host('a', 4, 0, { labels: { zone: 'x' } })], wanted, undefined);
    expect(found.map(({ type }) => type)).toEqual(types);
  });

  test('what could not be created is counted out again', () => {
    const candidates = candidatesFor([host('a', 1)], { type: 't-1' }, undefined);
    const [only] = candidates;
    take(candidates, only, 1);
    expect(choose(candidates, 'spread')).toBeUndefined();
    take(candidates, only, -1);
    expect(choose(candidates, 'spread')).toBe(only);
    expect([only.devices, only.placed]).toEqual([0, 0]);
  });
});
