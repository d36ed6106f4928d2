#!/usr/bin/env node
/** The command `glean` as the package installs it; in a clone, bin/glean.mjs does this instead. */
import process from 'node:process';
import { main } from './main.ts';
import { endWithoutOutput } from './terminal/output.ts';

endWithoutOutput();
process.exitCode = await main(process.argv.slice(2));
