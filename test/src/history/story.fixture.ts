/** A patch's story as data: what a scene comes to with the code before it, and what with today's. */

export interface Story<Scenes> {
  /** The patch, and what was wrong before it: the test's name. */
  readonly name: string;
  /** Name of the old code (`old-code.fixture.ts`). */
  readonly oldCode: string;
  readonly scene: keyof Scenes & string;
  readonly before: unknown;
  readonly today: unknown;
}

/** Rows for `test.each('%s')`. */
export function byName<Scenes>(stories: readonly Story<Scenes>[]): [name: string, story: Story<Scenes>][] {
  return stories.map((story) => [story.name, story]);
}
