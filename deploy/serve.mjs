/** `glean serve` by itself, for an image that holds nothing of the toolchain. Exit codes as glean's. */
import { register } from 'tsx/esm/api';

register();
const { endWithoutOutput } = await import('../src/cli/terminal/output.ts');
const { run } = await import('../src/cli/terminal/program.ts');
const { serveCommand } = await import('../src/cli/commands/serve.ts');
const { toCommand } = await import('../src/cli/terminal/command.ts');
endWithoutOutput();
process.exitCode = await run(
  {
    name: 'glean-serve',
    commands: [toCommand(serveCommand, async () => (await import('../src/cli/actions/serve.ts')).runServe)],
  },
  process.argv.slice(2),
);
