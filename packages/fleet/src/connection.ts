/**
 * Connections to a fleet's NATS servers. Main thread of a host or client; one connection each. It reconnects for ever, to
 * any server of the cluster; what credentials and TLS mean is the server's business.
 */
import { readFileSync } from 'node:fs';
import { MediatedError } from '@mediated/core';
import { jetstreamManager, JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import {
  AuthorizationError,
  ClosedConnectionError,
  connect,
  ConnectionError,
  credsAuthenticator,
  type NatsConnection,
  NoRespondersError,
  type NodeConnectionOptions,
  PermissionViolationError,
  ProtocolError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';

/** Where a fleet's servers are and who one is there. */
export interface ConnectionOptions {
  /** One or several URLs: `nats://127.0.0.1:4222`, `tls://…`; `nats://user:password@…` and `nats://token@…` are taken apart. */
  readonly servers: string | readonly string[];
  /** File of credentials as `nsc` makes them. */
  readonly credentials?: string | undefined;
  /** Files of TLS: the authority that is trusted, one's own certificate and its key. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string } | undefined;
  /** Milliseconds that the first connection may take; default 5000. */
  readonly timeout?: number | undefined;
  /** What the servers' monitoring calls this connection. */
  readonly name?: string | undefined;
}

/** Milliseconds between two attempts to connect again. */
const RECONNECT_WAIT = 100;

/**
 * Connects. ECONNREFUSED: nobody answers there. EACCES: the server wants other credentials. EPROTO: what answers is no NATS
 * server. EOPNOTSUPP: it has no JetStream. EINVAL: no URL, no file of credentials.
 */
export async function connectTo(options: ConnectionOptions): Promise<NatsConnection> {
  const { timeout = 5000 } = options;
  const connection = await connect({
    ...optionsOf(options),
    timeout,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT,
    pingInterval: 5000,
    // A lost answer is told where it was asked for; the library's long stacks cost more than the request.
    noAsyncTraces: true,
  }).catch((error: unknown) => {
    throw refusalOf(
      error,
      'connect',
      urlsOf(options)
        .map(({ host }) => host)
        .join(', '),
    );
  });
  try {
    await jetstreamManager(connection, { timeout });
  } catch (error) {
    await connection.close();
    if (isPermission(error)) throw refusalOf(error, 'connect', connection.getServer());
    const text = `${connection.getServer()} has no JetStream for this account; a fleet needs it (nats-server -js)`;
    throw new MediatedError('EOPNOTSUPP', text, { syscall: 'connect', cause: error });
  }
  return connection;
}

/** The error of Mediated for what the library threw. `subject`: what it was about. */
export function refusalOf(error: unknown, syscall: string, subject: string): MediatedError {
  const fail = (code: ConstructorParameters<typeof MediatedError>[0], text: string) =>
    new MediatedError(code, `${syscall} ${subject}: ${text}`, { syscall, cause: error });
  if (error instanceof MediatedError) return error;
  if (isPermission(error)) return fail('EACCES', 'the NATS server does not let this account do that');
  if (error instanceof ProtocolError || /unexpected response/.test(String(error)))
    return fail('EPROTO', 'no NATS server answers there');
  if (syscall === 'connect') {
    if (error instanceof TimeoutError || /timeout/i.test(String(error))) {
      return fail('EPROTO', 'no NATS server answers there in time');
    }
    return fail('ECONNREFUSED', 'no NATS server can be reached there');
  }
  if (error instanceof ClosedConnectionError) return fail('ECANCELED', 'the connection to the fleet is closed');
  if (error instanceof JetStreamApiError) return fail('EIO', `the NATS server refuses: ${error.message}`);
  return fail('EIO', 'the NATS server did not answer');
}

/** Whether it is open whether the server has done what was asked: no answer came. */
export function isUnanswered(error: unknown): boolean {
  return (
    error instanceof TimeoutError ||
    error instanceof RequestError ||
    error instanceof ConnectionError ||
    error instanceof ClosedConnectionError ||
    (error instanceof JetStreamError && !(error instanceof JetStreamApiError)) ||
    // The stream has no leader at the moment: nobody hears the request, or somebody else answers it.
    (error instanceof Error && error.name === 'JetStreamNotEnabled') ||
    (error instanceof JetStreamApiError && error.status === 503)
  );
}

/** Whether nobody has got a request. */
export function isUndelivered(error: unknown): boolean {
  return error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
}

function isPermission(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof AuthorizationError || at instanceof PermissionViolationError) return true;
  }
  return false;
}

function optionsOf(options: ConnectionOptions): NodeConnectionOptions {
  const { credentials, tls, name } = options;
  const urls = urlsOf(options);
  const [{ username, password }] = urls;
  const secure = tls !== undefined || urls.some(({ protocol }) => protocol === 'tls:');
  return {
    servers: urls.map(({ host }) => host),
    ...(name === undefined ? {} : { name }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(readCredentials(credentials)) }),
    ...(secure ? { tls: { ...tls } } : {}),
    ...(username === '' ? {} : password === '' ? { token: username } : { user: username, pass: password }),
  };
}

interface Place {
  readonly protocol: string;
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

function urlsOf({ servers }: ConnectionOptions): Place[] {
  const texts = (typeof servers === 'string' ? servers.split(',') : [...servers]).map((each) => each.trim());
  if (texts.length === 0) throw new MediatedError('EINVAL', 'a fleet needs the URL of a NATS server');
  return texts.map((each) => {
    const url = URL.canParse(each) ? new URL(each) : undefined;
    if (url === undefined || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
      // The text may have a password in it: it is not repeated.
      throw new MediatedError('EINVAL', 'that is no URL of a NATS server; nats://HOST:PORT and tls://HOST:PORT are');
    }
    return {
      protocol: url.protocol,
      host: `${url.hostname}:${url.port || '4222'}`,
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
  });
}

function readCredentials(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new MediatedError('EINVAL', `credentials ${file}: they cannot be read`, { syscall: 'connect', cause: error });
  }
}
