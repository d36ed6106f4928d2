/** Runs what it is sent with subnormals flushed to zero: ONNX Runtime takes that from the first session of a process. */
import { execute, type Job, type Level } from './hostile-runs.ts';

process.on('message', async ({ job, level }: { readonly job: Job; readonly level: Level }) => {
  try {
    process.send!(await execute(job, level, true));
  } catch (error) {
    process.send!(String(error));
  }
});
