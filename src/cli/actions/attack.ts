/** The work of `glean attack`: runs the attack and reports it as lines, JSON and a curve. */
import { differentiate } from '../../certify-runtime/gradient/network.ts';
import { Certifier, readModelFile } from '../../certify-runtime/node.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { readOnnx } from '../../certify-runtime/trusted/onnx/read.ts';
import { type AttackReport, attack } from '../../evaluate/attack/attack.ts';
import { sessionJudge } from '../../evaluate/attack/judge.ts';
import { selectSplits } from '../../evaluate/certified-accuracy.ts';
import { lineChart } from '../../evaluate/chart.ts';
import { openData } from '../../evaluate/open-data.ts';
import { createReporter } from '../../evaluate/reporter.ts';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import { readRange } from '../../train/data/dataset.ts';
import type { AttackArguments } from '../commands/attack.ts';
import { AnswerIsNo } from '../terminal/answer.ts';

const CURVE_END = 0.6;
const CURVE_STEP = 0.005;

/** The share of images that are classified correctly and whose `safe` distance is at least r. */
function share(
  images: AttackReport['images'],
  truth: ArrayLike<number>,
  safe: (i: number) => number,
): { x: number; y: number }[] {
  return Array.from({ length: Math.round(CURVE_END / CURVE_STEP) + 1 }, (_, step) => {
    const x = step * CURVE_STEP;
    return { x, y: images.filter(({ label }, i) => label === truth[i] && safe(i) >= x).length / images.length };
  });
}

function chart(model: string, report: AttackReport, truth: ArrayLike<number>): string {
  const { images, attackedPoints, broken } = report;
  const none = Number.POSITIVE_INFINITY;
  return lineChart({
    title: 'Certified versus attacked accuracy',
    subtitle: `${model}: ${images.length} images, ${attackedPoints} points tried inside their radii, ${broken} broken`,
    x: { label: 'ℓ2 distance r (pixels on [0, 1])', domain: [0, CURVE_END] },
    y: { label: 'share of images still right at distance r', domain: [0, 1] },
    series: [
      { name: 'certified', points: share(images, truth, (i) => images[i]!.radius) },
      { name: 'attacked', points: share(images, truth, (i) => images[i]!.flip?.distance ?? none) },
      { name: 'attacked, on [0, 1]', points: share(images, truth, (i) => images[i]!.flipInRange?.distance ?? none) },
    ],
  });
}

/** Everything needed to check a counterexample. Its decimal numbers give back the same float32 values. */
function counterexamples(report: AttackReport, pixels: Float32Array): object[] {
  const size = pixels.length / report.images.length;
  return report.images.flatMap(({ counterexample }, index) => {
    if (counterexample === null) return [];
    const { from, label, radius, pointRadius, distance } = counterexample;
    const image = [...pixels.subarray(index * size, (index + 1) * size)];
    return [{ index, from, to: label, radius, pointRadius, distance, image, flipped: [...counterexample.pixels] }];
  });
}

function print({ model }: AttackArguments, report: AttackReport): void {
  const { images, attackedPoints, evaluations, smallestRatio, medianRatio } = report;
  const flipped = images.filter(({ flip }) => flip !== null).length;
  console.log(`${model}: ${images.length} images attacked with ${report.gradients} gradients`);
  console.log(`  points tried          ${evaluations}, ${attackedPoints} of them inside a claimed radius`);
  console.log(`  radii broken          ${report.broken}`);
  console.log(`  flips found outside   for ${flipped} of ${images.length} images`);
  if (smallestRatio !== null && medianRatio !== null) {
    console.log(`  smallest flip/radius  ${smallestRatio.toFixed(4)} (below 1 would break the claim)`);
    console.log(`  median flip/radius    ${medianRatio.toFixed(4)} (1: the radius could not be larger)`);
  }
}

/** @throws AnswerIsNo if a radius is broken, InputError if the model or the data set cannot be attacked */
export async function runAttack(args: AttackArguments): Promise<void> {
  const bytes = await readModelFile(args.model);
  const certifier = await Certifier.load(bytes);
  const { shape } = certifier.certificate.input;
  const classes = certifier.certificate.classes.length;
  await certifier.dispose();
  const dataset = await openData(args.data, args);
  const [set] = [...selectSplits(dataset, [args.split]).values()];
  if (`${set!.shape}` !== `${shape}`) {
    throw new InputError(`the model takes images of ${shape.join('×')}, the data set has ${set!.shape.join('×')}`);
  }
  const count = Math.min(args.limit, set!.size);
  const pixels = Float32Array.from(readRange(set!, 0, count), (byte) => byte / 255);

  const network = differentiate(readOnnx(bytes).graph, TENSORS.image, TENSORS.logits);
  if (network === null) console.error('glean: no gradient of this graph is known: estimating it, a weaker attack');
  const judge = await sessionJudge(bytes, shape, classes);
  const { progress, stop } = createReporter();
  let report: AttackReport;
  try {
    const { steps, restarts, seed } = args;
    const onProgress = (done: number, total: number) => progress('attacked images', done, total);
    report = await attack(judge, network, pixels, { steps, restarts, seed, onProgress });
  } finally {
    stop();
    await judge.release();
  }

  const broken = counterexamples(report, pixels);
  if (args.svg !== undefined) await writeFileAtomic(args.svg, chart(args.model, report, set!.labels));
  if (args.save !== undefined) await writeFileAtomic(args.save, `${JSON.stringify({ model: args.model, broken })}\n`);
  if (args.json) {
    const { model, data, split, steps, restarts, seed } = args;
    const images = report.images.map(({ label, radius, flip, flipInRange, ratio }, i) => ({
      label,
      truth: set!.labels[i],
      radius,
      flip: flip?.distance ?? null,
      flipInRange: flipInRange?.distance ?? null,
      ratio,
    }));
    console.log(
      JSON.stringify(
        { model, data, split, settings: { steps, restarts, seed }, ...report, images, counterexamples: broken },
        null,
        2,
      ),
    );
  } else {
    print(args, report);
  }
  if (report.broken > 0) {
    if (!args.json) {
      for (const { counterexample } of report.images) {
        if (counterexample === null) continue;
        const { from, label, radius, pointRadius, distance } = counterexample;
        console.error(
          `BROKEN: label ${from} becomes ${label} at distance ${distance}; radius claimed ${radius}, by the other point ${pointRadius}`,
        );
      }
      console.error(args.save === undefined ? '--save FILE keeps the pixels' : `pixels in ${args.save}`);
    }
    throw new AnswerIsNo();
  }
}
