/** `glean export RUN`: a sealed model, or with --plain an ONNX file without a certificate. */
import { defineCommand } from '../terminal/command.ts';
import { DATA_OPTIONS } from '../terminal/data-options.ts';
import { flag, text } from '../terminal/options.ts';

export const exportCommand = defineCommand({
  name: 'export',
  describe: 'turn a finished run into a sealed ONNX model with its model card',
  positionals: { run: text('folder of a finished run', { required: true }) },
  options: {
    out: text('folder to write to (default: models/ID-SEED)'),
    plain: flag('image ↦ logits without a certificate, plain.onnx: for baselines'),
    ...DATA_OPTIONS,
  },
  load: async () => {
    const { formatTable } = await import('../../evaluate/certified-accuracy.ts');
    const { exportPlain } = await import('../../export/run/export-plain.ts');
    const { exportRun } = await import('../../export/run/export-run.ts');
    return async ({ run, out, dataDir, cacheDir, plain }) => {
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
    };
  },
});
