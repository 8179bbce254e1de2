/** Under which account of the NATS server one is. Commands of other accounts do not reach a host: the server keeps them apart. */
import { MediatedError } from '@mediated/core';
import type { NatsConnection } from '@nats-io/transport-node';
import { refusalOf } from './connection.js';

/** EACCES: the credentials belong to another account than `wanted`, or the server does not tell. */
export async function checkAccount(connection: NatsConnection, wanted: string | undefined): Promise<void> {
  if (wanted === undefined) return;
  const answer = await connection.request('$SYS.REQ.USER.INFO').catch((error: unknown) => {
    throw refusalOf(error, 'join', wanted);
  });
  let account: unknown;
  try {
    account = (JSON.parse(answer.string()) as { data?: { account?: unknown } }).data?.account;
  } catch {
    account = undefined;
  }
  if (account === wanted) return;
  const is = typeof account === 'string' ? `the account ${account.slice(0, 100)}` : 'no account that the server tells';
  throw new MediatedError('EACCES', `these credentials belong to ${is}, not to ${wanted}`, { syscall: 'join' });
}
