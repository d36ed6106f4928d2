/** `glean export RUN`: a sealed model, or with --plain an ONNX file without a certificate. */
import type { CommandModule } from 'yargs';
import { formatTable } from './certified-accuracy.ts';
import { exportPlain } from './export-plain.ts';
import { exportRun } from './export-run.ts';
import { DATA_OPTIONS } from './open-data.ts';

interface ExportArguments {
  run: string;
  out: string | undefined;
  dataDir: string | undefined;
  cacheDir: string | undefined;
  plain: boolean;
}

export const exportCommand: CommandModule<object, ExportArguments> = {
  command: 'export <run>',
  describe: 'turn a finished run into a sealed ONNX model with its model card',
  builder: (y) =>
    y
      .positional('run', { type: 'string', demandOption: true, describe: 'folder of a finished run' })
      .option('out', { type: 'string', describe: 'folder to write to (default: models/ID)' })
      .option('plain', {
        type: 'boolean',
        default: false,
        describe: 'image ↦ logits without a certificate, plain.onnx: for baselines',
      })
      .options(DATA_OPTIONS) as never,
  handler: async ({ run, out, dataDir, cacheDir, plain }) => {
    const options = {
      ...(out === undefined ? {} : { directory: out }),
      dataDir,
      cacheDir,
      say: (message: string) => process.stderr.write(`export: ${message}\n`),
    };
    if (plain) {
      console.log(await exportPlain(run, options));
      return;
    }
    const { path, verified, margin, smoothed, smoothing } = await exportRun(run, options);
    console.log(`${path}: L ≤ ${verified.proven.lipschitz}`);
    console.log(`\nmargin certificate (the file's own radius): certified accuracy in %, ACR\n${formatTable(margin)}`);
    console.log(
      `\nCERTIFY on z, σ = ${smoothing.sigma}, n = ${smoothing.n} (of the smoothed head)\n${formatTable(smoothed)}\n`,
    );
  },
};
