/** Runs several asynchronous steps at once, up to a limit. */

/** Runs `work` for 0 … n−1, at most `limit` at a time; after one fails, no further one is started. */
export async function inParallel(n: number, limit: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    try {
      while (next < n) await work(next++);
    } catch (error) {
      next = n;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, n) }, lane));
}
