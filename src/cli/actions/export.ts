/** The work of `glean export`: seals a finished run and shows its certified accuracy. */
import { formatTable } from '../../evaluate/certified-accuracy.ts';
import { createReporter } from '../../evaluate/reporter.ts';
import { exportPlain } from '../../export/run/export-plain.ts';
import { exportRun } from '../../export/run/export-run.ts';
import { precisionLine } from '../../export/seal/precision-costs.ts';
import type { ExportArguments } from '../commands/export.ts';

export async function runExport({ run, out, precision, dataDir, cacheDir, plain }: ExportArguments): Promise<void> {
  const options = {
    ...(out === undefined ? {} : { directory: out }),
    ...(precision === undefined ? {} : { precision }),
    dataDir,
    cacheDir,
    say: (message: string) => createReporter().say(`export: ${message}`),
  };
  if (plain) {
    console.log(await exportPlain(run, options));
    return;
  }
  const { path, verified, margin, smoothed, smoothing, precisions } = await exportRun(run, options);
  console.log(`${path}: L ≤ ${verified.proven.lipschitz}`);
  console.log(precisionLine(precisions));
  console.log(`\nmargin certificate (the file's own radius): certified accuracy in %, ACR\n${formatTable(margin)}`);
  console.log(
    `\nCERTIFY on z, σ = ${smoothing.sigma}, n = ${smoothing.n} (of the smoothed head)\n${formatTable(smoothed)}\n`,
  );
}
