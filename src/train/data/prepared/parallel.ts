/** Several steps in flight at once, no more than asked. */

/** Runs `work` for 0 … n−1, at most `limit` at a time; after one that fails, none is begun. */
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
