#!/usr/bin/env node
/** The command `glean`: runs the TypeScript sources as they are, through tsx. */
import { register } from 'tsx/esm/api';

register();
const { endWithoutOutput } = await import('../src/cli/terminal/output.ts');
const { main } = await import('../pipeline/glean.ts');
endWithoutOutput();
process.exitCode = await main(process.argv.slice(2));
