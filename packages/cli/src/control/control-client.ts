/** The commands' end of the control socket: one connection per request. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { programName } from '../program-name.js';
import { ControlError } from './control-error.js';
import { Lines } from './lines.js';
import { assertPrivate, isOwnSocket, socketPath } from './place.js';
import type { ControlLine, ControlRequest } from './protocol.js';

/** Characters of the longest line: a screenshot of a large display. */
const LONGEST_LINE = 256 * 2 ** 20;

/** What comes before the answer. */
export type Interim = Extract<ControlLine, { begun: true } | { event: unknown } | { lost: number }>;

/** The requests that have no other end than that the client wants no more. */
const STREAMS: readonly ControlRequest['request'][] = ['events', 'trace'];

/**
 * Sends a request to an instance and resolves to its answer; `heard` gets what comes before it. Aborting ends a stream, after
 * what is on its way was heard; of another request it forgets the answer, which is undefined then. Rejects with a {@link ControlError}: ENOENT (no instance of that name), EPERM
 * (others may enter the socket's folder), ECONNRESET (it ended without an answer), or what the request was refused with.
 */
export async function request(
  instance: string,
  wanted: ControlRequest,
  signal: AbortSignal,
  heard: (line: Interim) => void = () => {},
): Promise<unknown> {
  const socket = await connectTo(instance);
  const abort = () => (STREAMS.includes(wanted.request) ? socket.end() : socket.destroy());
  signal.addEventListener('abort', abort, { once: true });
  const lines = new Lines(LONGEST_LINE);
  try {
    if (signal.aborted) return undefined;
    // Only what the instance sends is waited for; that it closes is seen there.
    socket.write(`${JSON.stringify(wanted)}\n`);
    for await (const bytes of socket) {
      const complete = lines.push(bytes as Buffer);
      if (complete === undefined) throw new ControlError('EMSGSIZE', `${instance} sent a line that is too long`);
      for (const text of complete) {
        const line = JSON.parse(text) as ControlLine;
        if ('answer' in line) return line.answer;
        if ('error' in line) throw new ControlError(line.error.code, line.error.message);
        heard(line);
      }
    }
    if (signal.aborted) return undefined;
    throw new ControlError('ECONNRESET', `${instance} has ended without an answer`);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof ControlError) throw error;
    throw new ControlError('ECONNRESET', `${instance} has ended: ${(error as Error).message}`);
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function connectTo(instance: string): Promise<Socket> {
  const path = socketPath(instance);
  const help = `start one: ${programName()} up`;
  const nobody = new ControlError('ENOENT', `no instance ${instance} runs here (${path}); ${help}`);
  if (!isOwnSocket(path)) throw nobody;
  assertPrivate(dirname(path));
  const socket = connect({ path, allowHalfOpen: true });
  try {
    await once(socket, 'connect');
  } catch {
    throw nobody;
  }
  return socket;
}
