/** Profiles: the shipped ones, and everything that can be wrong with one, with where it is and what was expected. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { groupOf, needsOf, type Profile, profileSchema, readProfile } from '#dist/vgpu/profile.js';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';

const SMALL: Profile = { name: 'small', types: [{ name: 'one', instances: 1 }] };

function refusal(profile: unknown): string {
  try {
    readProfile(profile);
  } catch (error) {
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'loadDriver' });
    return (error as Error).message;
  }
  return 'taken';
}

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'card.json'), text);
  return join(folder, 'card.json');
}

describe('shipped profiles', () => {
  test.each([
    ['a100', 1, 12, { framebuffer: 40_960, compute_slices: 7 }],
    ['t4', 1, 17, { framebuffer: 16_384 }],
    ['m10', 4, 14, { framebuffer: 8192 }],
    ['i915-gvtg', 1, 3, { low_gm: 384, high_gm: 3200, fence: 28 }],
  ])('%s has %i parents and %i types', (name, parents, types, resources) => {
    const profile = readProfile(name);
    expect([profile.parents?.length, profile.types.length]).toEqual([parents, types]);
    expect(profile.resources).toEqual(resources);
  });

  test.each(['a100', 't4', 'm10'])('%s: descriptions say what the limits are', (name) => {
    const { types, resources = {} } = readProfile(name);
    for (const type of types) {
      expect(type.description).toMatch(
        new RegExp(`framebuffer=${type.framebuffer}M, .*max_instance=${type.instances}$`),
      );
      const room = Object.entries(needsOf({ name, types, resources }, type)).map(([resource, units]) =>
        Math.floor((resources[resource] as number) / units),
      );
      expect(Math.min(...room)).toBeGreaterThanOrEqual(type.instances as number);
    }
  });

  test('time-sliced types of the A100 are alone in their groups, MIG-backed ones together', () => {
    const groups = new Set(readProfile('a100').types.map(groupOf));
    expect(groups.size).toBe(7);
    expect(groups).toContain('group mig');
  });
});

describe('where a profile comes from', () => {
  test('a file, by its path or URL', () => {
    const path = file(JSON.stringify(SMALL));
    expect(readProfile(path)).toEqual(SMALL);
    expect(readProfile(pathToFileURL(path).href)).toEqual(SMALL);
  });

  test('a file that is not there is ENOENT', () => {
    expect(() => readProfile('/no/such/profile.json')).toThrow(
      /^ENOENT: there is no profile \/no\/such\/profile.json: /,
    );
    expect(() => readProfile('h100')).toThrow(/^ENOENT: there is no profile h100: /);
  });

  test('a file that is no JSON, or wrong, is named', () => {
    const broken = file('{ "name": }');
    expect(refusal(broken)).toContain(`the profile ${broken} is no JSON: Unexpected token`);
    const wrong = file('{}');
    expect(refusal(wrong)).toContain(`the profile ${wrong} is wrong:\n  /name: missing; expected text`);
  });

  test.each([7, null, undefined, true])('%s is none', (given) => {
    expect(refusal(given)).toContain('it is an object, a path, or one of a100, t4, m10, i915-gvtg');
  });
});

describe('a profile that is wrong', () => {
  const type = { name: 'one', instances: 1 };
  test.each([
    ['no types', { types: [] }, '/types: []; expected a list of 1 to 96'],
    ['no object', [], '/: []; expected an object (A kind of physical device'],
    ['a name with a blank', { name: 'a b' }, '/name: "a b"; expected text like ^[A-Za-z0-9_.+-]{1,20}$ (name of the'],
    ['an unknown field', { nmae: 1 }, '/nmae: there is no such field; expected one of $schema, about, name'],
    [
      'a misspelt field of a type',
      { types: [{ ...type, fb: 1 }] },
      '/types/0/fb: there is no such field; expected one of',
    ],
    [
      'no framebuffer',
      { types: [{ ...type, framebuffer: 0 }] },
      '/types/0/framebuffer: 0; expected a number from 1 to',
    ],
    ['half a MiB', { types: [{ ...type, framebuffer: 0.5 }] }, '/types/0/framebuffer: 0.5; expected a whole number'],
    ['an unknown interface', { deviceApi: 'vfio' }, '/deviceApi: "vfio"; expected one of vfio-pci, vfio-platform'],
    ['a number as text', { maxInstances: '4' }, '/maxInstances: "4"; expected a whole number (most devices'],
    [
      'a vendor in decimal',
      { pci: { vendor: '4318', device: '0x1eb8' } },
      '/pci/vendor: "4318"; expected text like ^0x',
    ],
    ['half an identity', { pci: { vendor: '0x10de' } }, '/pci/device: missing; expected text (a number of 16 bits'],
    ['a path with a gap', { parents: [{ name: 'a', path: '/a//b' }] }, '/parents/0/path: "/a//b"; expected text like'],
    ['an attribute in two groups', { attributes: { 'a/b/c': { value: '' } } }, '/attributes/a~1b~1c: this name is not'],
    ['an attribute without text', { attributes: { a: {} } }, '/attributes/a/value: missing; expected text'],
    [
      'a description of numbers',
      { types: [{ ...type, description: [1] }] },
      '/types/0/description/0: 1; expected text',
    ],
    [
      'two types of one name',
      { types: [type, type] },
      '/types/1/name: "one"; expected another name than that of /types/0',
    ],
    ['two parents of one name', { parents: [{ name: 'a' }, { name: 'a' }] }, '/parents/1/name: "a"; expected another'],
    [
      'a need of nothing known',
      { types: [{ name: 'one', needs: { rays: 1 } }] },
      '/types/0/needs/rays: there is no such',
    ],
    [
      'a need of more than there is',
      { resources: { framebuffer: 8 }, types: [{ name: 'one', framebuffer: 16 }] },
      '/types/0/framebuffer: 16; expected at most the 8 of /resources/framebuffer',
    ],
    ['a type without limit', { types: [{ name: 'one' }] }, '/types/0: nothing limits its number; expected instances'],
    ['a crooked aperture', { aperture: 24 }, '/aperture: 24; expected a power of two'],
    [
      'a long name in few characters',
      { types: [{ ...type, prettyName: 'é'.repeat(32) }] },
      'at most 63 bytes of UTF-8',
    ],
    ['a field named as every object has one', { constructor: 1 }, '/constructor: there is no such field'],
  ])('%s', (_, fields, message) => {
    expect(refusal(Array.isArray(fields) ? fields : { ...SMALL, ...fields })).toContain(message);
  });

  test('all problems are named at once, up to ten', () => {
    const types = Array.from({ length: 12 }, (_, i) => ({ name: `t${i}`, instances: -1 }));
    const message = refusal({ name: '', types });
    expect(message).toContain('/name: ""');
    expect(message).toContain('/types/8/instances: -1');
    expect(message).toContain('and 3 more');
  });

  test('whatever is in a profile, it is taken or refused with a path', () => {
    const { properties = {} } = profileSchema();
    const fields = fc.record(
      Object.fromEntries(Object.keys(properties).map((name) => [name, fc.jsonValue({ maxDepth: 3 })])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (some) => {
        expect(refusal({ ...SMALL, ...some })).toMatch(
          /^taken$|^EINVAL: the profile given as an object is wrong:\n {2}\//,
        );
      }),
    );
  });
});
