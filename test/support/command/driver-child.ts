/** Runs a driver as `glean batch` does, and prints what comes of it: `driver-child.ts PROGRAM ARGUMENT…`. */
import { runDriver } from '../../../src/cli/actions/batch/driver.ts';

const [program, ...args] = process.argv.slice(2);
const ending = await runDriver(program!, args, process.env, ({ images, total }) => console.log(`${images}/${total}`));
console.log(JSON.stringify(ending));
