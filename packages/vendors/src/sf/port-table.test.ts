/** How a port changes hands: every order of what a sender and a new owner do. */
import { PortTable, portTableBytes } from '#dist/sf/port-table.js';
import { formatMac, isForMany, macOf, macPool, portOf } from '#dist/sf/mac.js';
import { describe, expect, test } from 'vitest';

function tables(ports = 2): [PortTable, PortTable] {
  const words = new Int32Array(new SharedArrayBuffer(portTableBytes(ports)));
  return [new PortTable(words, 0), new PortTable(words, 1)];
}

describe('a port', () => {
  test('that is down is not visited', () => {
    const [sender, owner] = tables();
    expect(owner.take(1)).toBe(true);
    expect(sender.visit(1, () => expect.unreachable())).toBe(false);
  });

  test('is not taken while somebody sends to it, and is when he has done', () => {
    const [sender, owner] = tables();
    owner.take(1);
    owner.setUp(1, true);
    sender.visit(1, () => {
      owner.setUp(1, false);
      expect(owner.take(1)).toBe(false);
      expect(owner.take(0)).toBe(true);
    });
    expect(owner.take(1)).toBe(true);
  });

  test('that was left up by a dead owner is down when it is taken', () => {
    const [sender, owner] = tables();
    owner.take(0);
    owner.setUp(0, true);
    sender.add(0, 'rx_frames', 3);
    expect(sender.take(0)).toBe(true);
    expect([owner.isUp(0), owner.count(0, 'rx_frames')]).toEqual([false, 0]);
    expect([sender.takeDirty(0), sender.takeDirty(0)]).toEqual([true, false]);
  });

  test('that a dead sender was at can be taken when its thread has started anew', () => {
    const words = new Int32Array(new SharedArrayBuffer(portTableBytes(1)));
    const [sender, owner] = [new PortTable(words, 0), new PortTable(words, 1)];
    owner.take(0);
    owner.setUp(0, true);
    let taken = true;
    sender.visit(0, () => {
      taken = owner.take(0);
      expect(new PortTable(words, 0).isVisited(0)).toBe(false);
    });
    expect(taken).toBe(false);
  });

  test('a visit that throws is over', () => {
    const [sender, owner] = tables();
    owner.take(0);
    owner.setUp(0, true);
    const body = () => {
      throw new Error('torn');
    };
    expect(() => sender.visit(0, body)).toThrow('torn');
    expect(owner.isVisited(0)).toBe(false);
  });

  test('keeps the tails of its lanes through all owners', () => {
    const [one, two] = tables();
    one.take(0);
    expect([one.advance(0), one.advance(0), two.advance(0)]).toEqual([1, 2, 1]);
    two.take(0);
    expect([two.tail(0, 0), two.tail(0, 1)]).toEqual([2, 1]);
  });

  test('counts wrap at 2^32', () => {
    const [table] = tables();
    table.add(0, 'rx_bytes', 2 ** 31 - 1);
    table.add(0, 'rx_bytes', 2 ** 31 - 1);
    expect(table.count(0, 'rx_bytes')).toBe(2 ** 32 - 2);
    table.add(0, 'rx_bytes', 3);
    expect(table.count(0, 'rx_bytes')).toBe(1);
  });
});

describe('addresses', () => {
  test('are local, for one, and name their port', () => {
    const pool = macPool('nic');
    for (const port of [0, 1, 255]) {
      const mac = macOf(pool, port);
      expect(formatMac(mac)).toMatch(/^02:53:46(:[0-9a-f]{2}){3}$/);
      expect([portOf(pool, mac), isForMany(mac)]).toEqual([port, false]);
    }
    expect(portOf(macPool('other'), macOf(pool, 1))).toBe(-1);
    expect(isForMany(new Uint8Array(6).fill(255))).toBe(true);
  });
});
