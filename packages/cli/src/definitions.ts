/**
 * Reads device definitions as mdevctl keeps them in `/etc/mdevctl.d`: one folder per parent, in it one JSON file per
 * device, named by its UUID. Called by the commands of the program, and by whoever brings devices up from such a folder.
 * What cannot be used is a problem with its file and reason; it never keeps the others from being read.
 * Plain reads of files on the calling thread; nothing here is shared.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DefinitionText, parseDefinition } from './definition-format.js';
import { unreadable } from './unreadable.js';

/** One device to be. */
export interface Definition extends DefinitionText {
  /** The parent's name, as its folder is called. */
  readonly parent: string;
  /** 36 characters, lower case. */
  readonly uuid: string;
  /** Where it was read. */
  readonly file: string;
}

/** A file or folder that gave no definition, and why. */
export interface DefinitionProblem {
  readonly file: string;
  readonly reason: string;
}

/** What a folder held: ordered by parent, then by UUID as it is written. */
export interface Definitions {
  readonly definitions: Definition[];
  readonly problems: DefinitionProblem[];
}

/** Bytes. A definition with a thousand attributes is smaller. */
const LARGEST_FILE = 65536;

/** mdevctl keeps callout scripts beside the parents, under this name. */
const SCRIPTS = 'scripts.d';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Reads every definition under `folder`. Never rejects: a folder that cannot be read is a problem like any other.
 * Of several definitions with one UUID (in any case, under any parent) the first holds and the others are problems.
 */
export async function readDefinitions(folder: string): Promise<Definitions> {
  const read: Definitions = { definitions: [], problems: [] };
  const byUuid = new Map<string, Definition>();
  for (const parent of await namesIn(folder, read)) {
    if (parent === SCRIPTS) continue;
    for (const name of await namesIn(join(folder, parent), read)) {
      const file = join(folder, parent, name);
      const reason = await readDefinition(file, parent, name, read, byUuid);
      if (reason !== undefined) read.problems.push({ file, reason });
    }
  }
  return read;
}

/**
 * Takes a definition out and reports it as a problem: for what only the caller can know, such as a parent or a type
 * that does not exist.
 */
export function refuseDefinition(read: Definitions, definition: Definition, reason: string): void {
  const at = read.definitions.indexOf(definition);
  if (at >= 0) read.definitions.splice(at, 1);
  read.problems.push({ file: definition.file, reason });
}

/** Adds the file's definition to `read`, or answers why there is none. */
async function readDefinition(
  file: string,
  parent: string,
  name: string,
  read: Definitions,
  byUuid: Map<string, Definition>,
): Promise<string | undefined> {
  if (!UUID.test(name)) return 'its name is not a UUID';
  let text: string;
  try {
    // Looked at before it is opened: reading a FIFO would wait for a writer.
    const { size, ...kind } = await kindOf(file);
    if (!kind.file) return 'it is not a file';
    if (size > LARGEST_FILE) return `it has ${size} bytes, more than ${LARGEST_FILE}`;
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file));
  } catch (error) {
    return reasonOf(error);
  }
  const parsed = parseDefinition(text);
  if (typeof parsed === 'string') return parsed;
  const uuid = name.toLowerCase();
  const first = byUuid.get(uuid);
  if (first !== undefined) return `its UUID is already defined by ${first.file}`;
  const definition = { parent, uuid, ...parsed, file };
  byUuid.set(uuid, definition);
  read.definitions.push(definition);
  return undefined;
}

async function kindOf(path: string): Promise<{ file: boolean; folder: boolean; size: number }> {
  const stats = await stat(path);
  return { file: stats.isFile(), folder: stats.isDirectory(), size: stats.size };
}

/** The sorted names in a folder; none, and a problem, when it is no folder or cannot be read. */
async function namesIn(folder: string, read: Definitions): Promise<string[]> {
  try {
    if (!(await kindOf(folder)).folder) {
      read.problems.push({ file: folder, reason: 'it is not a folder' });
      return [];
    }
    return (await readdir(folder)).sort();
  } catch (error) {
    read.problems.push({ file: folder, reason: reasonOf(error) });
    return [];
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : unreadable(error);
}
