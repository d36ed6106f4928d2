/** `glean certify MODEL --data NAME`: certified accuracy per domain, as a table, JSON and a curve. */
import type { CommandModule } from 'yargs';
import { SMOOTHING_DEFAULTS } from '../certify-runtime/core/smoothing/certify.ts';
import { writeFileAtomic } from '../export/atomic-file.ts';
import {
  type Certified,
  type CertifiedAccuracy,
  certifiedShare,
  formatTable,
  selectSplits,
  summarize,
} from './certified-accuracy.ts';
import { METHODS, type Method, openSubject } from './certify-method.ts';
import { lineChart } from './chart.ts';
import { DATA_NAMES, DATA_OPTIONS, openData } from './open-data.ts';

interface CertifyArguments {
  model: string;
  data: string;
  split: string[] | undefined;
  method: Method;
  head: string | undefined;
  sigma: number | undefined;
  n: number;
  n0: number;
  alpha: number;
  seed: number;
  limit: number | undefined;
  dataDir: string | undefined;
  cacheDir: string | undefined;
  json: boolean;
  out: string | undefined;
  svg: string | undefined;
}

const CURVE_END = 0.6;
const CURVE_STEP = 0.005;

function curve(answers: readonly Certified[]): { x: number; y: number }[] {
  return Array.from({ length: Math.round(CURVE_END / CURVE_STEP) + 1 }, (_, i) => {
    const x = i * CURVE_STEP;
    return { x, y: certifiedShare(answers, x) };
  });
}

export const certifyCommand: CommandModule<object, CertifyArguments> = {
  command: 'certify <model>',
  describe: 'certified accuracy at r = 0, 0.05 … 0.45 and average certified radius, per domain',
  builder: (y) =>
    y
      .positional('model', { type: 'string', demandOption: true, describe: 'sealed ONNX file' })
      .option('data', { type: 'string', demandOption: true, describe: `one of ${DATA_NAMES}` })
      .option('split', {
        type: 'string',
        array: true,
        describe: 'test, validation, train, or one domain of them (default: validation and test)',
      })
      .option('method', {
        choices: METHODS,
        default: 'margin',
        describe:
          "the margin certificate, CERTIFY with noise on z (the paper's), or with noise on the image (any ONNX classifier)",
      })
      .option('head', { type: 'string', describe: 'smoothing: ONNX file of a head on z, in place of the own' })
      .option('sigma', { type: 'number', describe: "smoothing: scale of the noise (default: the model's)" })
      .option('n', { type: 'number', default: SMOOTHING_DEFAULTS.n, describe: 'smoothing: draws for the bound' })
      .option('n0', {
        type: 'number',
        default: SMOOTHING_DEFAULTS.n0,
        describe: 'smoothing: draws that select the class',
      })
      .option('alpha', {
        type: 'number',
        default: SMOOTHING_DEFAULTS.alpha,
        describe: 'smoothing: chance that a certificate is wrong',
      })
      .option('seed', { type: 'number', default: 0, describe: 'smoothing: seed of the draws' })
      .option('limit', { type: 'number', describe: 'at most this many images of each domain' })
      .options(DATA_OPTIONS)
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' })
      .option('out', { type: 'string', describe: 'write the answer as JSON to this file' })
      .option('svg', { type: 'string', describe: 'write the certified-accuracy curve to this SVG file' }) as never,
  handler: async (args) => {
    const dataset = await openData(args.data, args);
    const splits = selectSplits(dataset, args.split ?? ['validation', 'test']);
    const subject = await openSubject(args.model, args);
    const rows = new Map<string, CertifiedAccuracy>();
    const series: { name: string; points: { x: number; y: number }[] }[] = [];
    try {
      for (const [name, set] of splits) {
        const answers = await subject.certify(set, {
          ...(args.limit === undefined ? {} : { limit: args.limit }),
          onProgress: (done, total) => {
            if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done}/${total}${done >= total ? '\n' : ''}`);
          },
        });
        rows.set(name, summarize(answers));
        series.push({ name, points: curve(answers) });
      }
    } finally {
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
  },
};
