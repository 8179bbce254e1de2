/** The HTTP endpoint that metrics are read from: `GET /metrics`. Main thread; opened and closed by `mediated up`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Runtime } from '@mediated/core';
import { Metrics } from './metrics.js';

/** Connections at a time; a request must have come within so many milliseconds. */
const MOST_CONNECTIONS = 16;
const PATIENCE = 10_000;

/** HOST:PORT, an IPv6 address in brackets; port 0 is any free one. */
const PLACE = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;

/** Why there is no endpoint, in one sentence. */
export class EndpointError extends Error {}

export class MetricsEndpoint {
  /** Where it is read. */
  readonly url: string;
  readonly #server: Server;
  readonly #metrics: Metrics;

  private constructor(server: Server, metrics: Metrics, host: string) {
    this.#server = server;
    this.#metrics = metrics;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}/metrics`;
  }

  /** Counts and listens. EndpointError: the place is none, or not to be had. */
  static async open(runtime: Runtime, place: string): Promise<MetricsEndpoint> {
    const [, bracketed, plain, digits] = PLACE.exec(place) ?? [];
    const host = bracketed ?? plain;
    const port = Number(digits);
    if (host === undefined || port > 65_535) {
      throw new EndpointError(`--metrics ${place}: it takes HOST:PORT, such as 127.0.0.1:9464`);
    }
    const server = createServer({ requestTimeout: PATIENCE, headersTimeout: PATIENCE });
    server.maxConnections = MOST_CONNECTIONS;
    try {
      await once(server.listen(port, host), 'listening');
    } catch (error) {
      throw new EndpointError(`--metrics ${place}: cannot listen there: ${(error as Error).message}`);
    }
    const metrics = await Metrics.start(runtime);
    server.on('request', (request, response) => void answer(metrics, request, response));
    return new MetricsEndpoint(server, metrics, host);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#metrics.stop();
  }
}

async function answer(metrics: Metrics, { method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url?.split('?')[0] !== '/metrics') return refuse(response, 404, 'The metrics are at /metrics.');
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(response, 405, 'The metrics are only read.');
  }
  try {
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': Metrics.CONTENT_TYPE, 'content-length': Buffer.byteLength(text) });
    response.end(method === 'HEAD' ? undefined : text);
  } catch (error) {
    refuse(response, 500, (error as Error).message);
  }
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
}
