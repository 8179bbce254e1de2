/** What the validator found wrong in a configuration, as a sentence: where, what was found, what was expected. Pure. */
import type { ErrorObject } from 'ajv';

/** Longest text of a value that is shown. */
const LONGEST = 60;

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** One complaint of a validator that was told to be `verbose`. */
export function complaintOf({ instancePath, keyword, params, data, parentSchema }: ErrorObject): string {
  const { description, properties, enum: words } = (parentSchema ?? {}) as Schema;
  const meaning = (text: string | undefined) => (text === undefined ? '' : ` (${text})`);
  const say = (where: string, found: string, expected: string, about = description) =>
    `${where || '/'}: found ${found}, expected ${expected}${meaning(about)}`;
  const below = (name: string) => `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  switch (keyword) {
    case 'type': {
      const types = [params.type].flat() as string[];
      return say(instancePath, show(data), types.map((type) => NAMES[type] ?? type).join(' or '));
    }
    case 'required': {
      const { missingProperty: name } = params as { missingProperty: string };
      return say(below(name), 'nothing', 'this field', properties?.[name]?.description);
    }
    case 'additionalProperties': {
      const { additionalProperty: name } = params as { additionalProperty: string };
      const known = Object.keys(properties ?? {}).join(', ');
      return say(below(name), 'a field that is not known', `one of ${known}`);
    }
    case 'enum':
      return say(instancePath, show(data), `one of ${(words ?? []).join(', ')}`);
    case 'minimum':
    case 'maximum': {
      const { minimum = '', maximum = '' } = (parentSchema ?? {}) as Schema;
      return say(instancePath, show(data), `a number from ${minimum} to ${maximum}`);
    }
    case 'minLength':
      return say(instancePath, 'empty text', 'text');
    case 'maxItems':
      return say(instancePath, `${(data as unknown[]).length} entries`, `at most ${params.limit}`);
    case 'pattern':
      return say(instancePath, show(data), `text like ${params.pattern}`);
    default:
      return say(instancePath, show(data), keyword);
  }
}

/** The part of a schema that sentences are made of. */
interface Schema {
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}
