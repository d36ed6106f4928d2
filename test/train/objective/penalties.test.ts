/** Risks and penalties against their definitions, differentiated numerically in float64, one image at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import type { RiskConfig } from '../../../src/train/objective/invariance-config.ts';
import { gradientVariance } from '../../../src/train/objective/penalties/fishr.ts';
import { createPenalty, type ScheduledPenalty } from '../../../src/train/objective/penalties/penalties.ts';
import { createRisk } from '../../../src/train/objective/risk.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { differences, distance, dot, rowsOf } from '../../support/numbers/matrix.ts';

const RISKS = ['cross-entropy', 'absolute', 'offset', 'generalized-cross-entropy'] as const;
/** Of the risk with an offset: the offset as a radius, and the temperature of the head. */
const [OFFSET, TEMPERATURE] = [0.45, 2];
/** The exponent of the generalized cross-entropy. */
const Q = 0.6;
type Kind = RiskConfig['kind'];

/** Answers in one environment, and what gave them: y = [z, 1]·weights. */
interface Example {
  readonly latent: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

const CLASSES = 3;
const LATENT = 2;

function examples(seed: number, environments: number): { head: number[]; parts: Example[] } {
  const random = createRandom(seed);
  const draw = (n: number) => Array.from({ length: n }, () => Math.fround(random.normal()));
  const parts = Array.from({ length: environments }, () => {
    const n = 2 + (random.uint32() % 5);
    return {
      latent: Array.from({ length: n }, () => draw(LATENT)),
      labels: Array.from({ length: n }, () => random.uint32() % CLASSES),
    };
  });
  return { head: draw((LATENT + 1) * CLASSES), parts };
}

/** ℓ of one image under a head [LATENT + 1, CLASSES], in float64. */
function lossOf(kind: Kind, head: readonly number[], z: readonly number[], label: number, scale = 1): number {
  const columns = rowsOf(head, CLASSES);
  const y = columns[0]!.map(
    (_, k) =>
      scale *
      dot(
        [...z, 1],
        columns.map((row) => row[k]!),
      ),
  );
  if (kind === 'offset') y[label]! -= OFFSET * TEMPERATURE;
  const total = y.reduce((sum, value) => sum + Math.exp(value), 0);
  const right = Math.exp(y[label]!) / total;
  if (kind === 'generalized-cross-entropy') return (1 - right ** Q) / Q;
  return kind === 'absolute' ? 1 - right : -Math.log(right);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]) => mean(values.map((value) => (value - mean(values)) ** 2));

const riskOf = (kind: Kind, head: readonly number[], { latent, labels }: Example, scale = 1) =>
  mean(latent.map((z, i) => lossOf(kind, head, z, labels[i]!, scale)));

/** Σ_e (dR_e/dw at 1)², by central differences. */
const irm = (kind: Kind, head: readonly number[], parts: readonly Example[]) =>
  parts.reduce((sum, part) => {
    const [slope] = differences(([scale]) => riskOf(kind, head, part, scale), [1], 1e-4);
    return sum + slope! ** 2;
  }, 0);

/** Variance over the images of dℓ/d(head), an image at a time. */
function headVariance(kind: Kind, head: readonly number[], { latent, labels }: Example): number[] {
  const gradients = latent.map((z, i) => differences((h) => lossOf(kind, h, z, labels[i]!), head, 1e-4));
  return head.map((_, k) => variance(gradients.map((gradient) => gradient[k]!)));
}

const DEFINITIONS: Readonly<
  Record<ScheduledPenalty['kind'], (kind: Kind, head: readonly number[], parts: readonly Example[]) => number>
> = {
  irm,
  vrex: (kind, head, parts) => variance(parts.map((part) => riskOf(kind, head, part))),
  'ib-irm': (kind, head, parts) => {
    const spread = ({ latent }: Example) => mean(latent[0]!.map((_, k) => variance(latent.map((z) => z[k]!))));
    return irm(kind, head, parts) + 0.5 * mean(parts.map(spread));
  },
  fishr: (kind, head, parts) => {
    const variances = parts.map((part) => headVariance(kind, head, part));
    return head.reduce((sum, _, k) => sum + variance(variances.map((of) => of[k]!)), 0);
  },
};

const schedule = { weight: 1, before: 1, warmup: 0 };
const CONFIGS: readonly ScheduledPenalty[] = [
  { kind: 'irm', ...schedule },
  { kind: 'vrex', ...schedule },
  { kind: 'ib-irm', bottleneck: 0.5, ...schedule },
  { kind: 'fishr', ...schedule },
];

function settingsOf(kind: Kind): RiskConfig {
  if (kind === 'offset') return { kind, offset: OFFSET };
  return kind === 'generalized-cross-entropy' ? { kind, q: Q } : { kind };
}

function answersOf(kind: Kind, head: tf.Tensor2D, { latent, labels }: Example) {
  const risk = createRisk(settingsOf(kind), TEMPERATURE);
  const z = tf.tensor2d(latent.map((row) => [...row]));
  const logits = tf.matMul(tf.concat2d([z, tf.ones([latent.length, 1])], 1), head) as tf.Tensor2D;
  const targets = tf.oneHot(tf.tensor1d([...labels], 'int32'), CLASSES).toFloat() as tf.Tensor2D;
  return {
    latent: z,
    logits,
    gradients: risk.gradients(logits, targets),
    risk: tf.mean(risk.losses(logits, targets)) as tf.Scalar,
  };
}

const headTensor = (head: readonly number[]) => tf.tensor2d(rowsOf(head, CLASSES));

for (const kind of RISKS) {
  test(`${kind}: its mean, and gradients in the logits`, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { head, parts } = examples(seed, 1);
        const found = tf.tidy(() => {
          const { risk, gradients } = answersOf(kind, headTensor(head), parts[0]!);
          return { risk: risk.dataSync()[0]!, gradients: rowsOf(gradients.dataSync(), CLASSES) };
        });
        assert.ok(Math.abs(found.risk - riskOf(kind, head, parts[0]!)) < 1e-5);
        // The bias's row of the head is the logits' own gradient.
        const bias = parts[0]!.latent.map((z, i) =>
          differences((h) => lossOf(kind, h, z, parts[0]!.labels[i]!), head, 1e-4).slice(LATENT * CLASSES),
        );
        assert.ok(distance(found.gradients, bias) < 1e-5);
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  for (const config of CONFIGS) {
    test(`${config.kind} of ${kind}: value, and gradient in the head`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 2, max: 3 }), (seed, environments) => {
          const { head, parts } = examples(seed, environments);
          const definition = (h: readonly number[]) => DEFINITIONS[config.kind](kind, h, parts);
          const penalty = createPenalty(config);
          const found = tf.tidy(() => {
            const { value, grad } = tf.valueAndGrad((h) =>
              penalty(parts.map((part) => answersOf(kind, h as tf.Tensor2D, part))),
            )(headTensor(head));
            return { value: value.dataSync()[0]!, gradient: [...grad.dataSync()] };
          });
          const scale = Math.max(1, definition(head));
          assert.ok(Math.abs(found.value - definition(head)) < 1e-4 * scale);
          // Differences of differences: rounding of order 1e-16/(1e-4·1e-3), truncation of order 1e-6.
          const expected = differences(definition, head, 1e-3);
          assert.ok(distance([found.gradient], [expected]) < 1e-3 * scale, `${found.gradient} against ${expected}`);
        }),
        { numRuns: 10, seed: 7 },
      );
    });
  }
}

test('absolute: labels flipped as often to each class leave the order of answers as it is', () => {
  const { losses } = createRisk({ kind: 'absolute' });
  const rows = [
    [2, -1, 0.5],
    [0.1, 0.2, 0.3],
    [-30, 5, 80],
  ];
  const total = tf.tidy(() =>
    [0, 1, 2].reduce((sum, label) => {
      const targets = tf.oneHot(tf.tensor1d([label, label, label], 'int32'), 3).toFloat() as tf.Tensor2D;
      return sum + losses(tf.tensor2d(rows), targets).mean().dataSync()[0]!;
    }, 0),
  );
  assert.ok(Math.abs(total - 2) < 1e-6, 'the losses of all classes add up to K − 1');
});

test('generalized cross-entropy is the absolute risk at q = 1, and goes to cross-entropy with q', () => {
  const kind = 'generalized-cross-entropy';
  const mild = [2, -1, 0.5];
  const risk = (config: RiskConfig, ...rows: number[][]) =>
    tf.tidy(() => {
      const targets = tf.oneHot(tf.zeros([rows.length], 'int32'), 3).toFloat() as tf.Tensor2D;
      return createRisk(config).losses(tf.tensor2d(rows), targets).mean().dataSync()[0]!;
    });
  // Logits so far apart that softmax rounds to 0 or 1 as well.
  const rows = [mild, [-300, 5, 80], [300, 5, 80]];
  assert.ok(Math.abs(risk({ kind, q: 1 }, ...rows) - risk({ kind: 'absolute' }, ...rows)) < 1e-6);
  assert.ok(Math.abs(risk({ kind, q: 1e-3 }, mild) - risk({ kind: 'cross-entropy' }, mild)) < 1e-3);
});

test('penalties are 0 where environments are alike', () => {
  const { head, parts } = examples(3, 1);
  const same = [parts[0]!, parts[0]!];
  for (const config of CONFIGS.filter(({ kind }) => kind === 'vrex' || kind === 'fishr')) {
    const value = tf.tidy(() => {
      const answers = same.map((part) => answersOf('absolute', headTensor(head), part));
      return createPenalty(config)(answers).dataSync()[0];
    });
    assert.equal(value, 0, config.kind);
  }
});

test('gradientVariance: one image has none', () => {
  const one = { latent: [[0.5, -2]], labels: [1] };
  const found = tf.tidy(() => gradientVariance(answersOf('cross-entropy', tf.ones([3, 3]), one)).dataSync());
  assert.ok(found.every((value) => Math.abs(value) < 1e-6));
});

test('a risk with an offset is the cross-entropy of the radius less the offset, at the temperature of the head', () => {
  const { losses } = createRisk({ kind: 'offset', offset: 0.45 }, 16);
  for (const radius of [-0.2, 0, 0.45, 0.6]) {
    const found = tf.tidy(() => losses(tf.tensor2d([[16 * radius, 0]]), tf.tensor2d([[1, 0]])).dataSync()[0]!);
    assert.ok(Math.abs(found - Math.log1p(Math.exp(-16 * (radius - 0.45)))) < 1e-5, `${radius}: ${found}`);
  }
});
