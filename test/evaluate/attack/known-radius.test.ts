/** Hand-made networks whose exact radius is known: the certificate is never above it, and tight where theory says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import { type DenseSpec, dense, sealDense } from '../../support/networks/dense-networks.ts';

const h = Math.SQRT1_2;

interface Known {
  readonly name: string;
  readonly spec: DenseSpec;
  readonly image: readonly number[];
  readonly exact: number;
  /** The certificate is the exact radius but for the slack. */
  readonly tight: boolean;
}

// y₁ − y₀ = g(z) and ‖w₁ − w₀‖ = 1 for every two-class head below.
const KNOWN: readonly Known[] = [
  {
    name: 'linear: the distance to a plane',
    // A rotation, then y = ±(z₀ − 0.9)/2.
    spec: [
      dense(
        [
          [h, h],
          [h, -h],
        ],
        [0, 0],
      ),
      dense(
        [
          [-0.5, 0],
          [0.5, 0],
        ],
        [0.45, -0.45],
      ),
    ],
    image: [0.25, 0.5],
    exact: 0.9 - 0.75 * h,
    tight: true,
  },
  {
    name: 'max(a, b) − 0.5 from below: one coordinate must rise',
    spec: maxNetwork(0.5),
    image: [0.375, 0.125],
    exact: 0.125,
    tight: true,
  },
  {
    name: 'max(a, b) − 0.5 from above: both must fall',
    spec: maxNetwork(0.5),
    image: [0.75, 0.625],
    exact: Math.hypot(0.25, 0.125),
    tight: false,
  },
  {
    name: 'max(a, b) − 0.5 from above, b below: one must fall',
    spec: maxNetwork(0.5),
    image: [0.75, 0.25],
    exact: 0.25,
    tight: true,
  },
  {
    name: 'relu(a − 0.25) − 0.25',
    spec: [
      dense(
        [
          [1, 0],
          [0, 1],
        ],
        [-0.25, 0],
        'Relu',
      ),
      dense(
        [
          [-0.5, 0],
          [0.5, 0],
        ],
        [0.125, -0.125],
      ),
    ],
    image: [0.875, 0.5],
    exact: 0.375,
    tight: true,
  },
  {
    name: 'relu before its kink: flat, then the rest',
    spec: [
      dense(
        [
          [1, 0],
          [0, 1],
        ],
        [-0.25, 0],
        'Relu',
      ),
      dense(
        [
          [-0.5, 0],
          [0.5, 0],
        ],
        [0.125, -0.125],
      ),
    ],
    image: [0.125, 0.5],
    exact: 0.375,
    tight: false,
  },
  {
    name: 'three classes: the nearest of two planes, pairwise distances',
    spec: [
      dense(
        [
          [0, 1],
          [1, 0],
        ],
        [0, 0],
      ),
      dense(
        [
          [1, 0],
          [0, 1],
          [-1, 0],
        ],
        [0, 0, 0],
      ),
    ],
    // z = (b, a): y = (b, a, −b); class 0 wins by b − a over class 1 (s = √2) and 2b over class 2 (s = 2).
    image: [0.25, 0.75],
    exact: 0.5 * h,
    tight: true,
  },
];

function maxNetwork(threshold: number): DenseSpec {
  return [
    dense(
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
      'MaxMin',
    ),
    dense(
      [
        [-0.5, 0],
        [0.5, 0],
      ],
      [threshold / 2, -threshold / 2],
    ),
  ];
}

for (const { name, spec, image, exact, tight } of KNOWN) {
  test(name, async () => {
    const { judge, network } = await sealDense(spec);
    try {
      const report = await attack(judge, network, Float32Array.from(image), { restarts: 6 });
      const { radius, flip } = report.images[0]!;
      assert.equal(report.broken, 0);
      assert.ok(radius <= exact, `${radius} against ${exact}`);
      if (tight) assert.ok(radius >= exact * (1 - 1e-4), `${radius} against ${exact}`);
      else assert.ok(radius > 0);
      // The attack finds the boundary too: it is no weaker than the theory.
      assert.ok(
        flip !== null && flip.distance >= exact * (1 - 1e-5) && flip.distance <= exact * 1.01,
        `${flip?.distance} against ${exact}`,
      );
    } finally {
      await judge.release();
    }
  });
}
