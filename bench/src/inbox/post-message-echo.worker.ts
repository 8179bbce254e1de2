/** The echo behind plain `postMessage`: one message per ask, one per reply, matched by id. */
import { parentPort } from 'node:worker_threads';

/** An ask or its reply. */
export interface NumberedMessage {
  readonly id: number;
  readonly value: number;
}

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');
port.on('message', ({ id, value }: NumberedMessage) => port.postMessage({ id, value } satisfies NumberedMessage));
