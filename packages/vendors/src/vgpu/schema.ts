/**
 * Checks a value against a JSON schema, and says of everything that is wrong where it is and what was expected. Knows as
 * much of JSON Schema as `profile.schema.json` uses, so that the published schema and the check are one. Pure.
 */
import { MediatedError } from '@mediated/core';

/** The keywords that are known. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: { readonly pattern: string };
  readonly additionalProperties?: Schema | false;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** One thing that is wrong. */
export interface Problem {
  /** Where: a JSON pointer, e.g. `/types/0/framebuffer`; empty: the whole. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with a value; empty: nothing. */
export function problemsOf(value: unknown, schema: Schema): Problem[] {
  const problems: Problem[] = [];
  check(value, schema, '', schema, problems);
  return problems;
}

function check(value: unknown, given: Schema, path: string, root: Schema, problems: Problem[]): void {
  const schema = given.$ref === undefined ? given : definition(root, given.$ref);
  const wrong = (expected: string) => {
    const found = value === undefined ? 'missing' : show(value);
    const meaning = schema.description === undefined ? '' : ` (${schema.description})`;
    problems.push({ path, message: `${found}; expected ${expected}${meaning}` });
  };
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const type = types.find((candidate) => isOf(value, candidate));
  if (types.length > 0 && type === undefined) return wrong(types.map((name) => NAMES[name] ?? name).join(' or '));
  if (typeof value === 'string') {
    if (schema.enum !== undefined && !schema.enum.includes(value)) wrong(`one of ${schema.enum.join(', ')}`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) wrong(`text like ${schema.pattern}`);
    if (value.length > (schema.maxLength ?? Infinity)) wrong(`at most ${schema.maxLength} characters`);
  } else if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    if (value < minimum || value > maximum) wrong(`a number from ${minimum} to ${maximum}`);
  } else if (Array.isArray(value)) {
    const { minItems = 0, maxItems = Infinity, items } = schema;
    if (value.length < minItems || value.length > maxItems) wrong(`a list of ${minItems} to ${maxItems}`);
    else if (items !== undefined)
      for (const [i, item] of value.entries()) check(item, items, `${path}/${i}`, root, problems);
  } else if (typeof value === 'object' && value !== null) {
    checkFields(value as Record<string, unknown>, schema, path, root, problems);
  }
}

function checkFields(
  value: Record<string, unknown>,
  { required = [], properties = {}, propertyNames, additionalProperties }: Schema,
  path: string,
  root: Schema,
  problems: Problem[],
): void {
  for (const name of required) {
    if (!Object.hasOwn(value, name)) check(undefined, properties[name] as Schema, `${path}/${name}`, root, problems);
  }
  for (const [name, field] of Object.entries(value)) {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (propertyNames !== undefined && !new RegExp(propertyNames.pattern).test(name)) {
      problems.push({
        path: at,
        message: `this name is not possible here; expected one like ${propertyNames.pattern}`,
      });
    } else if (known !== undefined) check(field, known, at, root, problems);
    else if (additionalProperties === false) {
      problems.push({
        path: at,
        message: `there is no such field; expected one of ${Object.keys(properties).join(', ')}`,
      });
    } else if (additionalProperties !== undefined) check(field, additionalProperties, at, root, problems);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function isOf(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function definition(root: Schema, ref: string): Schema {
  const found = root.$defs?.[ref.replace('#/$defs/', '')];
  if (found === undefined) throw new MediatedError('EINVAL', `the schema has no ${ref}`, { syscall: 'loadDriver' });
  return found;
}

/** A value as it stands in a message: short. */
function show(value: unknown): string {
  const text = typeof value === 'bigint' || typeof value === 'function' ? String(value) : JSON.stringify(value);
  if (text === undefined) return typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
