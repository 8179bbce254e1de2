/** Waits for something that should end soon, but not for ever. Used by the supervising thread when it stops things. */
export async function withinGrace(milliseconds: number, ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await Promise.race([ending, over]);
  } finally {
    clearTimeout(timer);
  }
}
