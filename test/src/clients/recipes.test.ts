/** The workflow files of examples/ci, step by step. */
import { join } from 'node:path';
import { titled, whyNot } from '#dist/clients/stage.js';
import { Workflow } from '#dist/clients/workflow.js';
import { afterAll, describe, expect, test } from 'vitest';

const reason = whyNot('trixie');
const release = join(process.env.MEDIATED_CLIENTS ?? '', 'trixie');

describe.skipIf(reason !== undefined)(titled('recipes for workflows', reason), () => {
  const workflow = new Workflow('examples/ci/mdevctl.yml', release);
  afterAll(() => workflow.close());

  test('a script that uses mdevctl is tested on the live tree', async () => {
    const done = await workflow.run();
    expect(done.filter(({ status }) => status !== 0)).toEqual([]);
    expect(done.map(({ name }) => name)).toEqual([
      'Programs',
      'A machine with mediated devices',
      'The script makes what it was asked for',
      'A card that is full leaves nothing half done',
      'A create that fails in the middle leaves nothing half done',
      'The end',
    ]);
    expect(done.at(-1)?.output).toMatch(/ending\n4 devices removed\n$/);
  });
});
