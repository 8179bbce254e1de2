/** What is read from folders of definitions, and what is reported instead. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readDefinitions, refuseDefinition } from 'mediated';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const A = '0a000000-0000-4000-8000-00000000000a';
const B = '0b000000-0000-4000-8000-00000000000b';
const GOOD = { mdev_type: 'mtty-1', start: 'auto', attrs: [] };

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediated-definitions-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Writes one file, as it is or as JSON, and answers its path. */
function put(path: string, content: unknown): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content));
  return file;
}

describe('definitions', () => {
  test('come ordered by parent and UUID, with attributes in their order', async () => {
    const attrs = [{ zeta: '1' }, { alpha: '2' }, { zeta: '3' }];
    const second = put(`mtty1/${A}`, { mdev_type: 'mtty-2', start: 'manual', attrs });
    const first = put(`mtty0/${B}`, { mdev_type: 'mtty-1', start: 'auto' });
    expect(await readDefinitions(folder)).toEqual({
      definitions: [
        { parent: 'mtty0', uuid: B, type: 'mtty-1', start: 'auto', attrs: [], file: first },
        {
          parent: 'mtty1',
          uuid: A,
          type: 'mtty-2',
          start: 'manual',
          attrs: [
            { name: 'zeta', value: '1' },
            { name: 'alpha', value: '2' },
            { name: 'zeta', value: '3' },
          ],
          file: second,
        },
      ],
      problems: [],
    });
  });

  test.each([
    ['{"mdev_type":', /^malformed JSON: /],
    ['', /^malformed JSON: /],
    ['[]', /^its JSON is not an object$/],
    ['null', /^its JSON is not an object$/],
    [{ ...GOOD, color: 'red' }, /^unknown key "color"$/],
    ['{"__proto__":{},"mdev_type":"mtty-1","start":"auto"}', /^unknown key "__proto__"$/],
    [{ start: 'auto' }, /^key "mdev_type" is missing$/],
    [{ mdev_type: 'mtty-1' }, /^key "start" is missing$/],
    [{ ...GOOD, mdev_type: 1 }, /^"mdev_type" is not the name of a type$/],
    [{ ...GOOD, mdev_type: '../mtty-1' }, /^"mdev_type" is not the name of a type$/],
    [{ ...GOOD, start: 'Auto' }, /^"start" is neither/],
    [{ ...GOOD, attrs: { a: '1' } }, /^"attrs" is not an array$/],
    [{ ...GOOD, attrs: [{ a: '1' }, 'b'] }, /^"attrs" entry 1 is not an object$/],
    [{ ...GOOD, attrs: [{}] }, /^"attrs" entry 0 has 0 keys/],
    [{ ...GOOD, attrs: [{ a: '1', b: '2' }] }, /^"attrs" entry 0 has 2 keys/],
    [{ ...GOOD, attrs: [{ a: 1 }] }, /^"attrs" entry 0 has a value that is not a string: "a"$/],
    [{ ...GOOD, attrs: [{ '../remove': '1' }] }, /^"attrs" entry 0 names no attribute/],
    [Uint8Array.of(0x22, 0xff, 0x22), /^it is not UTF-8$/],
    [' '.repeat(65537), /^it has 65537 bytes, more than 65536$/],
  ])('%j is a problem, and its neighbour is read', async (content, reason) => {
    const file = put(`mtty0/${A}`, content);
    put(`mtty0/${B}`, GOOD);
    const { definitions, problems } = await readDefinitions(folder);
    expect(problems).toEqual([{ file, reason: expect.stringMatching(reason) }]);
    expect(definitions.map(({ uuid }) => uuid)).toEqual([B]);
  });

  test.each(['notes.txt', A.replaceAll('-', ''), `${A}.json`, `{${A}}`])(
    'a file named %s is a problem',
    async (name) => {
      const file = put(`mtty0/${name}`, GOOD);
      expect(await readDefinitions(folder)).toEqual({
        definitions: [],
        problems: [{ file, reason: 'its name is not a UUID' }],
      });
    },
  );

  test('a repeated UUID is a problem, across parents and in any case', async () => {
    const first = put(`mtty0/${A}`, GOOD);
    const again = put(`mtty1/${A.toUpperCase()}`, GOOD);
    const { definitions, problems } = await readDefinitions(folder);
    expect(definitions.map(({ file }) => file)).toEqual([first]);
    expect(problems).toEqual([{ file: again, reason: `its UUID is already defined by ${first}` }]);
  });

  test('a malformed definition does not take its UUID', async () => {
    put(`mtty0/${A}`, '{');
    put(`mtty1/${A.toUpperCase()}`, GOOD);
    const { definitions } = await readDefinitions(folder);
    expect(definitions).toMatchObject([{ parent: 'mtty1', uuid: A }]);
  });

  test('what is no file, and what is no folder, is a problem', async () => {
    const stray = put('stray', GOOD);
    const inner = dirname(put(`mtty0/${A}/inner`, GOOD));
    const fifo = join(folder, 'mtty0', B);
    execFileSync('mkfifo', [fifo]);
    const dangling = join(folder, 'mtty1');
    symlinkSync(join(folder, 'nowhere'), dangling);
    expect(await readDefinitions(folder)).toEqual({
      definitions: [],
      problems: [
        { file: inner, reason: 'it is not a file' },
        { file: fifo, reason: 'it is not a file' },
        { file: dangling, reason: 'it does not exist' },
        { file: stray, reason: 'it is not a folder' },
      ],
    });
  });

  test("mdevctl's scripts beside the parents are left alone", async () => {
    put('scripts.d/callouts/mtty.sh', '#!/bin/sh');
    expect(await readDefinitions(folder)).toEqual({ definitions: [], problems: [] });
  });

  test('a folder that is not there is a problem', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await readDefinitions(nowhere)).toEqual({
      definitions: [],
      problems: [{ file: nowhere, reason: 'it does not exist' }],
    });
  });

  test('the caller turns a definition into a problem', async () => {
    const file = put(`mtty9/${A}`, GOOD);
    const read = await readDefinitions(folder);
    const [definition] = read.definitions;
    refuseDefinition(read, definition, 'no parent mtty9');
    expect(read).toEqual({ definitions: [], problems: [{ file, reason: 'no parent mtty9' }] });
  });
});
