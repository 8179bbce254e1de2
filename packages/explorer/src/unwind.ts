/** How an explored thread leaves the code under test when its execution is over, or it was killed. */

/** Thrown through the code under test. */
class Unwind extends Error {
  override name = 'Unwind';
}

/** The one instance: nothing is allocated when a thread unwinds. */
export const unwind: Error = new Unwind('this execution is over');
