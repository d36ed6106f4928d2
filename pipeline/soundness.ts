/**
 * Looks for graphs that break what the proof says about them, by generators that aim at combinations
 * (test/support/combinations):
 *
 *     node --import tsx pipeline/soundness.ts --graphs N --seed S [--out FILE] [--root DIR]
 *
 * The prover is that of the tree at DIR (default: this one). It writes JSON with counts, the largest ratios of true to
 * proven, and every violation; the same seed gives the same graphs. Exit 0: no violation; 1: violations; 2: wrong use.
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Campaign, MOST_GRAPHS, proverOf } from './soundness/campaign.ts';

const USE = 'use: soundness.ts --graphs N --seed S [--out FILE] [--root DIR]';

function wrongUse(problem: string): never {
  console.error(`${problem}\n${USE}`);
  process.exit(2);
}

function options(): { graphs: number; seed: number; out: string | undefined; root: string } {
  try {
    const { values } = parseArgs({
      options: {
        graphs: { type: 'string', default: '10000' },
        seed: { type: 'string', default: '1' },
        out: { type: 'string' },
        root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
      },
    });
    const whole = (name: 'graphs' | 'seed', most: number): number => {
      const value = Number(values[name]);
      return Number.isInteger(value) && value >= 0 && value <= most
        ? value
        : wrongUse(`--${name} must be an integer from 0 to ${most}, not ${values[name]}`);
    };
    return { graphs: whole('graphs', MOST_GRAPHS), seed: whole('seed', 1e8), out: values.out, root: values.root };
  } catch (error) {
    return wrongUse((error as Error).message);
  }
}

/** How many graphs are checked between two looks at the clock. */
const LOOK = 500;

const { graphs, seed, out, root } = options();
// Refusals are thrown, and without the stack they cost a tenth as much.
Error.stackTraceLimit = 0;
const campaign = new Campaign(await proverOf(root), seed);
const start = performance.now();
let shown = start;
while (campaign.done < graphs) {
  campaign.step();
  if (campaign.done % LOOK !== 0 || performance.now() - shown < 1000) continue;
  shown = performance.now();
  const rate = campaign.done / ((shown - start) / 1000);
  const left = Math.ceil((graphs - campaign.done) / rate / 60);
  process.stderr.write(
    `\r${campaign.done}/${graphs} graphs, ${rate.toFixed(0)}/s, ${left} min left, ${campaign.violations} violations `,
  );
}
const seconds = (performance.now() - start) / 1000;
process.stderr.write('\n');

const report = {
  seed,
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  },
  seconds: Math.round(seconds),
  ...campaign.report(),
};
// JSON has no infinity, which is the ratio if the true value is not finite or there is no bound at all.
const plain = (_: string, value: unknown): unknown => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value);
const text = `${JSON.stringify(report, plain, 2)}\n`;
if (out === undefined) process.stdout.write(text);
else await writeFile(out, text);
process.exitCode = campaign.violations === 0 ? 0 : 1;
