/**
 * The least that can stand at the other end of the socket: waits for a request in recvmsg, answers as many bytes as the
 * server would with sendmsg, and so on until the machine leaves. Knows nothing of messages but how long they are.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ANSWER_BYTES, READ_BYTES } from './messages.js';
import { accept, close, listen, SocketBuffer } from './unix-sockets.js';

/** `workerData` of this worker. */
export interface EchoData {
  readonly path: string;
}

const { path } = workerData as EchoData;
const listener = listen(path);
parentPort?.postMessage('listening');
const socket = accept(listener);
const buffer = new SocketBuffer(4096);
while (buffer.receive(socket) === READ_BYTES) {
  // Of the flags, which are 0, the one that says reply.
  buffer.bytes[8] = 1;
  buffer.send(socket, ANSWER_BYTES);
}
close(socket);
close(listener);
