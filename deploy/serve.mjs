/** `glean serve` by itself, for an image that holds nothing of the toolchain. Exit codes as glean's. */
import { register } from 'tsx/esm/api';
import yargs from 'yargs';

register();
const { serveCommand } = await import('../src/cli/serve.ts');
const { GleanError, InputError } = await import('../src/certify-runtime/core/errors.ts');
try {
  await yargs(process.argv.slice(2))
    .scriptName('glean-serve')
    .command({ ...serveCommand, command: '$0' })
    .strict()
    .help()
    .fail((message, error) => {
      throw error ?? new InputError(message);
    })
    .parseAsync();
} catch (error) {
  if (!(error instanceof GleanError)) throw error;
  console.error(`glean: ${error.message}`);
  process.exitCode = error instanceof InputError ? 2 : 1;
}
