/**
 * The text of one definition file in mdevctl's JSON format, checked key by key; called by `definitions.ts`.
 * `{ "mdev_type": "mtty-1", "start": "auto", "attrs": [ { "name": "value" } ] }`; `attrs` may be left out.
 * mdevctl itself takes any word but `auto` for manual and ignores unknown keys: here both are refused, as they are
 * slips of the pen. Pure functions.
 */
/** One attribute that is written after the device was created. */
export interface DefinitionAttribute {
  /** The attribute's file, relative to the device's folder. */
  readonly name: string;
  readonly value: string;
}

/** What the text of a file says; parent and UUID are in its path. */
export interface DefinitionText {
  /** The type's folder: driver name, dash, type (`mtty-1`). */
  readonly type: string;
  /** `auto`: to be started as soon as its parent is there. */
  readonly start: 'auto' | 'manual';
  /** In the order in which they are to be written. */
  readonly attrs: readonly DefinitionAttribute[];
}

const KEYS = ['mdev_type', 'start', 'attrs'];

/** The definition, or the reason why the text is none, as a clause that begins with what is wrong. */
export function parseDefinition(text: string): DefinitionText | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `malformed JSON: ${(error as Error).message}`;
  }
  if (!isObject(value)) return 'its JSON is not an object';
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return `unknown key ${JSON.stringify(unknown)}`;
  const { mdev_type: type, start, attrs = [] } = value;
  if (type === undefined) return 'key "mdev_type" is missing';
  if (typeof type !== 'string' || type === '' || type.includes('/')) return '"mdev_type" is not the name of a type';
  if (start === undefined) return 'key "start" is missing';
  if (start !== 'auto' && start !== 'manual') return '"start" is neither "auto" nor "manual"';
  if (!Array.isArray(attrs)) return '"attrs" is not an array';
  const attributes: DefinitionAttribute[] = [];
  for (const [index, attribute] of attrs.entries()) {
    const parsed = parseAttribute(attribute);
    if (typeof parsed === 'string') return `"attrs" entry ${index} ${parsed}`;
    attributes.push(parsed);
  }
  return { type, start, attrs: attributes };
}

/** One key only: the order of attributes is that of the array, and the keys of an object have none in JSON. */
function parseAttribute(attribute: unknown): DefinitionAttribute | string {
  if (!isObject(attribute)) return 'is not an object';
  const entries = Object.entries(attribute);
  const [first] = entries;
  if (first === undefined || entries.length !== 1) return `has ${entries.length} keys instead of one`;
  const [name, value] = first;
  if (name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    return `names no attribute of the device: ${JSON.stringify(name)}`;
  }
  if (typeof value !== 'string') return `has a value that is not a string: ${JSON.stringify(name)}`;
  return { name, value };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
