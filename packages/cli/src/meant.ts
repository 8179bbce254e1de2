/** What somebody may have meant who mistyped a word. Pure; for refusals of the command line. */

/** More changes than this are another word. */
const MOST_CHANGES = 2;

/** The known word that is nearest to one that is not known; undefined when none is near. */
export function meant(word: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.min(MOST_CHANGES, word.length - 1) + 1;
  for (const candidate of known) {
    const changes = changesBetween(word.toLowerCase(), candidate);
    if (changes < least) [nearest, least] = [candidate, changes];
  }
  return nearest;
}

/** How many letters have to be put in, left out or replaced to make one word of the other. */
function changesBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const replaced = row[column - 1] + Number(from[line - 1] !== to[column - 1]);
      next.push(Math.min(replaced, row[column] + 1, next[column - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
