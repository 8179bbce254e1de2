/** Names under which a program asked a group for a device: those that it gave are described by what was changed. */
import type { Session } from './session.js';
import type { Subject } from './subject.js';

/** Longer than a page. */
const LONG = 5000;

export async function deviceName(session: Session, subject: Subject, kind: string | undefined): Promise<string> {
  const { uuid } = subject;
  if (kind === undefined) return uuid;
  const prefix = /^prefix of (\d+)$/.exec(kind)?.[1];
  if (prefix !== undefined) return uuid.slice(0, Number(prefix));
  const ending = /^uuid\+(\w+)$/.exec(kind)?.[1];
  if (ending !== undefined) return uuid + (ending === 'newline' ? '\n' : ' ');
  if (/other device/.test(kind)) return (await session.subject(subject.type, 'second')).uuid;
  if (/option/.test(kind)) return `${uuid} vf_token=${uuid}`;
  if (/uuid/.test(kind)) return kind.replace('uuid', uuid);
  if (kind === 'empty') return '';
  if (kind === 'long') return 'a'.repeat(LONG);
  if (kind === 'upper case') return uuid.toUpperCase();
  return 'no such device';
}
