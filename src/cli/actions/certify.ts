/** The work of `glean certify`: certifies each domain and reports it as a table, JSON and a curve. */

import {
  type Certified,
  type CertifiedAccuracy,
  certifiedShare,
  formatTable,
  selectSplits,
  summarize,
} from '../../evaluate/certified-accuracy.ts';
import { openSubject } from '../../evaluate/certify-method.ts';
import { lineChart } from '../../evaluate/chart.ts';
import { openData } from '../../evaluate/open-data.ts';
import { createReporter } from '../../evaluate/reporter.ts';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import type { CertifyArguments } from '../commands/certify.ts';

const CURVE_END = 0.6;
const CURVE_STEP = 0.005;

function curve(answers: readonly Certified[]): { x: number; y: number }[] {
  return Array.from({ length: Math.round(CURVE_END / CURVE_STEP) + 1 }, (_, i) => {
    const x = i * CURVE_STEP;
    return { x, y: certifiedShare(answers, x) };
  });
}

/** @throws InputError if the model or the data set cannot be certified */
export async function runCertify(args: CertifyArguments): Promise<void> {
  const dataset = await openData(args.data, args);
  const splits = selectSplits(dataset, args.split ?? ['validation', 'test']);
  const subject = await openSubject(args.model, args);
  const { progress, stop } = createReporter();
  const rows = new Map<string, CertifiedAccuracy>();
  const series: { name: string; points: { x: number; y: number }[] }[] = [];
  try {
    for (const [name, set] of splits) {
      const answers = await subject.certify(set, {
        ...(args.limit === undefined ? {} : { limit: args.limit }),
        onProgress: (done, total) => progress(name, done, total),
      });
      rows.set(name, summarize(answers));
      series.push({ name, points: curve(answers) });
    }
  } finally {
    stop();
    await subject.dispose();
  }
  const { settings, note } = subject;
  const answer = { model: args.model, method: args.method, settings, splits: Object.fromEntries(rows) };
  const json = JSON.stringify(answer, null, 2);
  if (args.out !== undefined) await writeFileAtomic(args.out, `${json}\n`);
  if (args.svg !== undefined) {
    await writeFileAtomic(
      args.svg,
      lineChart({
        title: `Certified accuracy of ${args.model}`,
        subtitle: note ?? 'margin certificate: holds with certainty',
        x: { label: 'ℓ2 radius (pixels on [0, 1])', domain: [0, CURVE_END] },
        y: { label: 'certified accuracy', domain: [0, 1] },
        series,
      }),
    );
  }
  if (args.json) {
    console.log(json);
    return;
  }
  console.log(`${args.model} on ${dataset.title}, ${args.method} certificate: certified accuracy in %, ACR`);
  if (note !== undefined) console.log(note);
  console.log(formatTable(rows));
}
