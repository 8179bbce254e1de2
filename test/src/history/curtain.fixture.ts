/** The end of a scene. */

/** With the code of today everything is put away; what old code leaves may not even end, and ends with its threads. */
export async function close(end: () => Promise<unknown>): Promise<void> {
  if (process.env.MEDIATED_OLD_CODE === undefined) await end();
}
