/** The help texts of `mediated`, from `commands.ts`. No line is longer than 80 characters. */
import { COMMANDS, type Command, type CommandName } from './commands.js';

/** What `mediated --help` prints. */
export function programHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return [
    'mediated: mediated devices (mdev, VFIO) as actors on threads',
    '',
    'Usage: mediated COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...pairs([...commands, ['help', 'this text; mediated help COMMAND: the options of a command']]),
    '',
    'Options:',
    ...pairs([
      ['--version', 'which version this is'],
      ['--help', 'this text; after a command: its options'],
    ]),
  ].join('\n');
}

/** What `mediated fleet --help` prints. */
export function fleetHelp(): string {
  const commands = Object.entries(COMMANDS).filter(([name]) => name.startsWith('fleet '));
  return [
    'mediated fleet: many hosts as one, on NATS',
    '',
    'Usage: mediated fleet COMMAND [OPTIONS]',
    '',
    'A host is a `mediated up --fleet URL`. Commands find the fleet by --server or',
    '$NATS_URL.',
    '',
    'Commands:',
    ...pairs(commands.map(([name, { summary }]) => [name.slice('fleet '.length), summary])),
    '',
    'mediated help fleet COMMAND: the options of a command',
  ].join('\n');
}

/** What `mediated COMMAND --help` prints. */
export function commandHelp(name: CommandName): string {
  const { summary, about, words = {}, options, statuses }: Command = COMMANDS[name];
  const lines = Object.entries(options).map(([option, spec]) => {
    if ('flag' in spec) return [`--${option}`, spec.help] as const;
    const fallback = ('fallbackName' in spec && spec.fallbackName) || spec.fallback;
    return [`--${option} ${spec.value}`, `${spec.help} (${fallback})`] as const;
  });
  const places = Object.values(words);
  const usage = places.map(({ value, optional }) => (optional === true ? ` [${value}]` : ` ${value}`));
  return [
    `mediated ${name}: ${summary}`,
    '',
    `Usage: mediated ${name}${usage.join('')} [OPTIONS]`,
    '',
    ...about,
    '',
    ...(places.length === 0 ? [] : ['Words:', ...pairs(places.map(({ value, help }) => [value, help])), '']),
    'Options, with what holds when they are not given:',
    ...pairs([...lines, ['--help', 'this text']]),
    '',
    'Exit status:',
    ...pairs(statuses.map(([status, meaning]) => [String(status).padStart(3), meaning])),
  ].join('\n');
}

function pairs(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
