/**
 * Checks a command line against `commands.ts`; called once by `main.ts`. Nothing is printed, nothing thrown.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  COMMANDS,
  type Command,
  type CommandName,
  type CommandOptions,
  type NumberOption,
  type Option,
} from './commands.js';
import { commandHelp, fleetHelp, programHelp } from './help.js';
import { meant } from './meant.js';

const HELP_WORDS = ['--help', '-h', 'help'];

/** What may follow `fleet`. */
const FLEET_WORDS = Object.keys(COMMANDS)
  .filter((name) => name.startsWith('fleet '))
  .map((name) => name.slice('fleet '.length));

/** A command to run with its options. */
export type Invocation = {
  [Name in CommandName]: { readonly command: Name; readonly options: CommandOptions<Name> };
}[CommandName];

/** What the user asked for: a text, the version, a command, or something that is answered with one sentence. */
export type CommandLine =
  | { readonly help: string }
  | { readonly version: true }
  | { readonly refusal: string }
  | Invocation;

/** Draws a number from `least` to `most`, both included. */
export type Draw = (least: number, most: number) => number;

/** `words` is the command line after the program's name; `draw` gives what is random when it is not said. */
export function parseCommandLine(
  words: readonly string[],
  draw: Draw = (least, most) => randomInt(least, most + 1),
): CommandLine {
  const [name, ...rest] = joined(words);
  if (name === undefined) return { refusal: 'a command is missing; mediated --help lists them' };
  if (name === 'help') return parseHelp(rest);
  if (HELP_WORDS.includes(name)) return { help: programHelp() };
  if (name === '--version') return { version: true };
  if (name === 'fleet') return unfinishedFleet(rest);
  if (name.startsWith('-')) return { refusal: `unknown option ${name}; mediated --help lists the commands` };
  return isCommand(name) ? parseOptions(name, rest, draw) : unknownCommand(name);
}

/** With the two words of `fleet status` as one. */
function joined(words: readonly string[]): readonly string[] {
  const [name, second, ...rest] = words;
  return name === 'fleet' && FLEET_WORDS.includes(second) ? [`fleet ${second}`, ...rest] : words;
}

/** `words`: what follows `help`. */
function parseHelp(words: readonly string[]): CommandLine {
  const [name, extra] = joined(words);
  if (name === undefined || HELP_WORDS.includes(name)) return { help: programHelp() };
  if (name === 'fleet') return extra === undefined ? { help: fleetHelp() } : unfinishedFleet([extra]);
  if (!isCommand(name)) return unknownCommand(name);
  if (extra !== undefined) return { refusal: `mediated help takes one command, not ${extra} too` };
  return { help: commandHelp(name) };
}

/** `words`: what follows `fleet` and is none of its commands. */
function unfinishedFleet([word]: readonly string[]): CommandLine {
  if (word !== undefined && HELP_WORDS.includes(word)) return { help: fleetHelp() };
  const known = word === undefined ? undefined : meant(word, FLEET_WORDS);
  if (known !== undefined) return { refusal: `unknown command fleet ${word}; is it fleet ${known}?` };
  return { refusal: `mediated fleet needs one of: ${FLEET_WORDS.join(', ')}` };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function unknownCommand(name: string): CommandLine {
  const known = meant(name, Object.keys(COMMANDS));
  const guess = known === undefined ? '' : `; is it ${known}?`;
  return { refusal: `unknown command ${name}${guess || '; mediated --help lists them'}` };
}

function parseOptions(name: CommandName, words: readonly string[], draw: Draw): CommandLine {
  const { options: specs, words: places = {} }: Command = COMMANDS[name];
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries([
      ...Object.entries(specs).map(([option, spec]) => [option, { type: 'flag' in spec ? 'boolean' : 'string' }]),
      ['help', { type: 'boolean', short: 'h' }],
    ]) as Record<string, { type: 'boolean' | 'string' }>,
  });
  const seeHelp = `; mediated ${name} --help lists the options`;
  const values = new Map<string, string | number | boolean>(
    Object.entries(specs).map(([option, spec]) => [option, fallbackOf(spec, draw)]),
  );
  for (const place of Object.keys(places)) values.set(place, '');
  const free = Object.keys(places);
  let help = false;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      const place = free.shift();
      if (place === undefined) return { refusal: `mediated ${name} does not take ${token.value}${seeHelp}` };
      if (token.value === '') return { refusal: `${places[place].value} must not be empty` };
      values.set(place, token.value);
      continue;
    }
    if (token.name === 'help') {
      if (token.value !== undefined) return { refusal: '--help takes no value' };
      help = true;
      continue;
    }
    const spec = Object.hasOwn(specs, token.name) && token.rawName.startsWith('--') ? specs[token.name] : undefined;
    if (spec === undefined) {
      const known = token.rawName.startsWith('--') ? meant(token.name, Object.keys(specs)) : undefined;
      return { refusal: `unknown option ${token.rawName}${known === undefined ? seeHelp : `; is it --${known}?`}` };
    }
    if ('flag' in spec) {
      if (token.value !== undefined) return { refusal: `${token.rawName} takes no value` };
      values.set(token.name, true);
      continue;
    }
    // What looks like the next option is one: `--definitions --threads 2` lacks a value. `--seed -1` has a bad one.
    if (!token.value || (!token.inlineValue && /^-[^0-9]/.test(token.value))) {
      return { refusal: `${token.rawName} needs a value (${spec.value})` };
    }
    if ('least' in spec) {
      const value = parseNumber(token.value, spec);
      if (value === undefined) {
        const { least, most } = spec;
        return { refusal: `${token.rawName} must be a whole number from ${least} to ${most}, not ${token.value}` };
      }
      values.set(token.name, value);
    } else if (spec.choices?.includes(token.value) === false) {
      return { refusal: `${token.rawName} must be one of ${spec.choices.join(', ')}, not ${token.value}` };
    } else {
      values.set(token.name, token.value);
    }
  }
  if (help) return { help: commandHelp(name) };
  const missing = free.find((place) => places[place].optional !== true);
  if (missing !== undefined) return { refusal: `mediated ${name} needs ${places[missing].value}${seeHelp}` };
  return { command: name, options: Object.fromEntries(values) } as Invocation;
}

function fallbackOf(spec: Option, draw: Draw): string | number | boolean {
  if ('flag' in spec) return false;
  return 'least' in spec && spec.fallback === 'random' ? draw(spec.least, spec.most) : spec.fallback;
}

function parseNumber(text: string, { least, most }: NumberOption): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= least && value <= most ? value : undefined;
}
