#!/usr/bin/env node
/** The command `glean`: runs the TypeScript sources as they are, through tsx. */
import process from 'node:process';

const { register } = await import('tsx/esm/api').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error('glean: no packages are installed in this clone yet; `make packages` installs them');
  process.exit(1);
});
register();
const { endWithoutOutput } = await import('../src/cli/terminal/output.ts');
const { main } = await import('../pipeline/glean.ts');
endWithoutOutput();
process.exitCode = await main(process.argv.slice(2));
