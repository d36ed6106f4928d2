/** `glean export RUN`. */
import type { CommandModule } from 'yargs';
import { formatTable } from './certified-accuracy.ts';
import { exportRun } from './export-run.ts';

interface ExportArguments {
  run: string;
  out: string | undefined;
  dataDir: string | undefined;
}

export const exportCommand: CommandModule<object, ExportArguments> = {
  command: 'export <run>',
  describe: 'turn a finished run into a sealed ONNX model with its model card',
  builder: (y) =>
    y
      .positional('run', { type: 'string', demandOption: true, describe: 'folder of a finished run' })
      .option('out', { type: 'string', describe: 'folder to write to (default: models/ID)' })
      .option('data-dir', { type: 'string', describe: 'folder of IDX files the run was trained on' }) as never,
  handler: async ({ run, out, dataDir }) => {
    const { path, verified, margin, smoothed, smoothing } = await exportRun(run, {
      ...(out === undefined ? {} : { directory: out }),
      ...(dataDir === undefined ? {} : { dataDir }),
      say: (message) => process.stderr.write(`export: ${message}\n`),
    });
    console.log(`${path}: L ≤ ${verified.proven.lipschitz}`);
    console.log(`\nmargin certificate (the file's own radius): certified accuracy in %, ACR\n${formatTable(margin)}`);
    console.log(
      `\nCERTIFY on z, σ = ${smoothing.sigma}, n = ${smoothing.n} (of the smoothed head)\n${formatTable(smoothed)}\n`,
    );
  },
};
