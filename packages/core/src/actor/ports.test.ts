import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { PortMesh } from '#dist/actor/ports.js';

const HERE = 1;
const THERE = 2;
const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function pair(life: number): { here: PortMesh; there: PortMesh; port: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  const here = new PortMesh(undefined, [{ peer: THERE, life, port: port1 }]);
  const there = new PortMesh(undefined, [{ peer: HERE, life: 0, port: port2 }]);
  opened.push(here, there);
  return { here, there, port: port2 };
}

test('payloads are taken by ticket, in any order', () => {
  const { here, there } = pair(0);
  const tickets = ['a', 'b', 'c'].map((value) => here.post(THERE, 0, value, undefined));
  expect([2, 0, 1].map((i) => there.take(HERE, 0, tickets[i]))).toEqual(['c', 'a', 'b']);
});

test('a payload is taken once; one that was never posted is EIO', () => {
  const { here, there } = pair(0);
  const ticket = here.post(THERE, 0, 'a', undefined);
  expect(there.take(HERE, 0, ticket)).toBe('a');
  expect(() => there.take(HERE, 0, ticket)).toThrow(expect.objectContaining({ code: 'EIO' }));
});

test('the port leads to one life only: EIO for others', () => {
  const { here } = pair(4);
  expect(() => here.post(THERE, 3, 'a', undefined)).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(() => here.post(THERE, 5, 'a', undefined)).toThrow(expect.objectContaining({ code: 'EIO' }));
  expect(() => here.take(9, 0, 1)).toThrow(expect.objectContaining({ code: 'EIO' }));
});

test('drop closes the port to an earlier life and keeps the one to the present life', async () => {
  const { here, there, port } = pair(1);
  here.drop(THERE, 1);
  expect(there.take(HERE, 0, here.post(THERE, 1, 'kept', undefined))).toBe('kept');
  const closed = once(port, 'close');
  here.drop(THERE, 2);
  await closed;
});

test('ports that arrive on the control port are found when needed, the latest life wins', () => {
  const control = new MessageChannel();
  const here = new PortMesh(control.port1, []);
  opened.push(here, control.port2);
  const meshes = [0, 1].map((life) => {
    const { port1, port2 } = new MessageChannel();
    control.port2.postMessage({ peer: THERE, life, port: port1 }, [port1]);
    const there = new PortMesh(undefined, [{ peer: HERE, life: 0, port: port2 }]);
    opened.push(there);
    return there;
  });
  expect(meshes[1].take(HERE, 0, here.post(THERE, 1, 'new', undefined))).toBe('new');
  expect(() => here.post(THERE, 0, 'old', undefined)).toThrow(expect.objectContaining({ code: 'EIO' }));
});

test('a message that Node does not give to a thread that is being terminated is EIO, not a mistake', () => {
  // What such a thread gets instead of any message is what others get when nothing was sent in one.
  const { here, port } = pair(0);
  port.postMessage(undefined);
  expect(() => here.take(THERE, 0, 1)).toThrow(expect.objectContaining({ code: 'EIO' }));
  const control = new MessageChannel();
  const late = new PortMesh(control.port1, []);
  opened.push(late, control.port2);
  control.port2.postMessage(undefined);
  expect(() => late.post(THERE, 0, 'a', undefined)).toThrow(expect.objectContaining({ code: 'EIO' }));
});
