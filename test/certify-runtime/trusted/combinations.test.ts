/** The proof against combinations of operators, by an interpreter of its own that is held against ONNX Runtime. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { proverOf } from '../../../pipeline/soundness/campaign.ts';
import type { AffineBound, EncoderBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { type Broken, check, type Prover } from '../../support/combinations/check.ts';
import { describe } from '../../support/combinations/describe.ts';
import { combination, FAMILIES } from '../../support/combinations/families.ts';
import { type Combination, sizeOf } from '../../support/combinations/growth.ts';
import { normsOf } from '../../support/combinations/images.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';
import { Chance } from '../../support/reference/chance.ts';
import { runExact } from '../../support/reference/exact.ts';
import { runFloat32 } from '../../support/reference/float32.ts';
import { jacobianAt } from '../../support/reference/jacobian.ts';
import { type Asked, runOnnxRuntime } from '../../support/reference/onnx-runtime.ts';
import { compile } from '../../support/reference/program/compile.ts';
import { MeaninglessError, type RefTensor } from '../../support/reference/program/tensors.ts';
import { spectralNormLower } from '../../support/reference/spectral.ts';

const prover = await proverOf(fileURLToPath(new URL('../../..', import.meta.url)));

function pixels(seed: number, n: number): Float32Array {
  const chance = new Chance(seed, 3);
  return Float32Array.from({ length: n }, () => chance.next());
}

/** The latent and every integer tensor of a graph, as the interpreter and as ONNX Runtime compute them. */
async function assertAgreement(one: Combination, batch: number, seed: number): Promise<void> {
  const { graph, latent, imageDims } = one;
  const names = graph.nodes.map(({ outputs }) => outputs[0]!);
  const program = compile(graph, batch, [latent, ...names]);
  const tensors = new Map<string, RefTensor>();
  program.outputs.forEach((tensor, i) => {
    const name = i === 0 ? latent : names[i - 1]!;
    if (i === 0 || tensor.kind === 'int') tensors.set(name, tensor);
  });
  const asked = [...tensors].map(([name, tensor]): Asked => {
    const type = tensor.kind === 'real' ? 'float32' : tensor.width === 64 ? 'int64' : 'int32';
    return { name, type, rank: tensor.dims.length };
  });
  const image = pixels(seed, batch * sizeOf(imageDims));
  const answers = await runOnnxRuntime(graph, asked, image, { batch, imageDims, optimised: false });
  const values = runExact(program, image);
  const largest = Math.max(...values.flatMap((slot, i) => (program.active[i] ? Array.from(slot, Math.abs) : [])));
  [...tensors.values()].forEach((tensor, i) => {
    const { dims, data } = answers[i]!;
    assert.deepEqual(dims, tensor.dims);
    if (tensor.kind === 'int') assert.deepEqual(data.map(BigInt), tensor.data);
    else {
      const off = Math.max(...data.map((v, e) => Math.abs(Number(v) - values[tensor.slot]![e]!)));
      assert.ok(off <= 1e-5 * largest, `off by ${off}, the largest value is ${largest}`);
    }
  });
}

test('ONNX Runtime computes what the interpreter says: integers bit for bit, the latent up to rounding', async () => {
  // What overflows or vanishes on the way has no latent up to rounding.
  for (const family of FAMILIES.filter((name) => name !== 'scales')) {
    for (let seed = 0; seed < 50; seed++) {
      const one = combination(family, seed);
      try {
        await assertAgreement(one, 1 + (seed % 3), seed);
      } catch (error) {
        // Where a constant has too many dimensions, the shapes that follow may fit nothing.
        if (error instanceof MeaninglessError && (family === 'norms' || error.fault === 'undefined')) continue;
        throw new Error(`${family} ${seed}:\n${describe(one.graph)}`, { cause: error });
      }
    }
  }
});

test('Slice with starts, ends and steps at and beyond every edge', async () => {
  const edges = [
    0n,
    1n,
    4n,
    5n,
    6n,
    -1n,
    -5n,
    -6n,
    2n ** 31n - 1n,
    -(2n ** 31n),
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 40n,
  ];
  const builder = new GraphBuilder(['N', 5]);
  const int = (value: bigint) => builder.tensor({ type: 'int64', dims: [1], data: BigInt64Array.of(value) });
  const names = edges.flatMap((start) =>
    edges.flatMap((end) =>
      [1n, 2n, -1n, -2n, 2n ** 63n - 1n, -(2n ** 62n)].map((step) =>
        builder.node('Slice', ['image', int(start), int(end), int(1n), int(step)]),
      ),
    ),
  );
  const graph = builder.graph(names[0]!);
  const program = compile(graph, 2, names);
  const image = pixels(1, 10);
  const asked = names.map((name): Asked => ({ name, type: 'float32', rank: 2 }));
  const answers = await runOnnxRuntime(graph, asked, image, { batch: 2, imageDims: [5], optimised: false });
  const values = runExact(program, image);
  program.outputs.forEach((tensor, i) => {
    assert(tensor.kind === 'real');
    assert.deepEqual(answers[i], { dims: tensor.dims, data: [...values[tensor.slot]!] });
  });
});

test('what ONNX Runtime refuses has no meaning for the interpreter either', async () => {
  const wrong: readonly ((builder: GraphBuilder) => string)[] = [
    (b) => b.node('Gather', ['image', b.ints([6])], { axis: 1 }),
    (b) => b.node('Gather', ['image', b.ints([-7])], { axis: 1 }),
    (b) => b.node('Reshape', ['image', b.ints([-1, 4])]),
    (b) => b.node('Reshape', ['image', b.ints([-1, -1])]),
    (b) => b.nodeWith('Split', ['image', b.ints([2, 3])], 2, { axis: 1 })[0]!,
    (b) => b.node('ReduceSum', ['image', b.ints([2])]),
    (b) => b.node('Squeeze', ['image', b.ints([1])]),
    (b) => b.node('Slice', ['image', b.ints([0]), b.ints([1]), b.ints([1]), b.ints([0])]),
    (b) => b.nodeWith('TopK', ['image', b.ints([7])], 2)[0]!,
    (b) => b.node('MatMul', ['image', b.floats([5, 1], [1, 1, 1, 1, 1])]),
    (b) => b.node('Concat', ['image', b.node('Flatten', ['image'])], { axis: 2 }),
    (b) => b.node('Reshape', ['image', b.tensor({ type: 'int32', dims: [2], data: Int32Array.of(-1, 6) })]),
  ];
  for (const build of wrong) {
    const builder = new GraphBuilder(['N', 6]);
    const name = build(builder);
    const graph = builder.graph(name);
    const asked: Asked[] = [{ name, type: 'float32', rank: 2 }];
    const options = { batch: 1, imageDims: [6], optimised: false };
    await assert.rejects(runOnnxRuntime(graph, asked, pixels(1, 6), options), describe(graph));
    assert.throws(() => compile(graph, 1, [name]), { fault: 'invalid' }, describe(graph));
  }
});

test('integers that ONNX leaves undefined are no integers', () => {
  for (const [dividend, divisor] of [
    [7n, 0n],
    [-(2n ** 63n), -1n],
  ] as const) {
    const builder = new GraphBuilder(['N', 6]);
    const int = (value: bigint) => builder.tensor({ type: 'int64', dims: [1], data: BigInt64Array.of(value) });
    const name = builder.node('Reshape', ['image', builder.node('Div', [int(dividend), int(divisor)])]);
    assert.throws(() => compile(builder.graph(name), 1, [name]), { fault: 'undefined' });
  }
});

test('derivatives are limits of difference quotients, their norm is that of an SVD', () => {
  const chance = new Chance(1);
  for (const family of ['products', 'sorts', 'mixes'] as const) {
    for (let seed = 0; seed < 60; seed++) {
      const { graph, latent, imageDims } = combination(family, seed);
      const program = compile(graph, 1, [latent]);
      const [output] = program.outputs;
      assert(output?.kind === 'real');
      const n = sizeOf(imageDims);
      const [x, direction] = [0, 1].map(() => Float64Array.from({ length: n }, () => chance.normal())) as [
        Float64Array,
        Float64Array,
      ];
      const jacobian = jacobianAt(program, x, output.slot);
      const h = 1e-6;
      const at = (sign: number): Float64Array =>
        runExact(
          program,
          x.map((v, i) => v + sign * h * direction[i]!),
        )[output.slot]!;
      const [ahead, behind] = [at(1), at(-1)];
      const size = 1 + Math.max(...Array.from(jacobian.matrix, Math.abs));
      for (let e = 0; e < jacobian.rows; e++) {
        const slope = direction.reduce((s, d, i) => s + d * jacobian.matrix[e * n + i]!, 0);
        const quotient = (ahead[e]! - behind[e]!) / (2 * h);
        assert.ok(Math.abs(slope - quotient) <= 1e-5 * size, `${family} ${seed}: ${slope}, not ${quotient}`);
      }
      const exact = largestSingularValue(jacobian.matrix, jacobian.rows, jacobian.cols);
      const lower = spectralNormLower(jacobian);
      assert.ok(lower <= exact * (1 + 1e-12) && lower >= exact * (1 - 1e-3), `${lower}, not ${exact}`);
    }
  }
});

test('float32 executions differ from each other, and little from float64', () => {
  let different = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { graph, latent, imageDims } = combination('products', seed);
    const program = compile(graph, 1, [latent]);
    const [output] = program.outputs;
    assert(output?.kind === 'real');
    const image = pixels(seed, sizeOf(imageDims));
    const exact = runExact(program, image)[output.slot]!;
    const largest = Math.max(1, ...Array.from(exact, Math.abs));
    const runs = [1, 2, 3, 4].map((execution) => {
      const { values, finite } = runFloat32(program, image, execution);
      assert.ok(finite);
      const latents = values[output.slot]!;
      assert.deepEqual(latents, latents.map(Math.fround));
      const off = Math.max(...latents.map((v, e) => Math.abs(v - exact[e]!)));
      assert.ok(off <= 1e-3 * largest, `${seed}: off by ${off}`);
      return `${latents}`;
    });
    assert.equal(`${runFloat32(program, image, 1).values[output.slot]}`, runs[0]);
    if (new Set(runs).size > 1) different++;
  }
  assert.ok(different > 30, `${different}`);
});

const times = (k: number, { constant, l2, l1 }: AffineBound): AffineBound => {
  return { constant: k * constant, l2: k * l2, l1: k * l1 };
};

test('a bound that is too small is noticed', () => {
  const lies: readonly [string, readonly Broken[], (bound: EncoderBound) => EncoderBound][] = [
    ['L', ['lipschitz', 'quotient'], (bound) => ({ ...bound, lipschitz: bound.lipschitz * 0.9 })],
    ['error', ['error'], (bound) => ({ ...bound, latentError: bound.latentError.map((form) => times(0.002, form)) })],
    ['norm', ['norm'], (bound) => ({ ...bound, latentNorm: times(0.2, bound.latentNorm) })],
    ['size', ['shape'], (bound) => ({ ...bound, latentSize: bound.latentSize + 1 })],
    [
      'maxImageNorm',
      ['overflow', 'norm', 'error'],
      (bound) => ({ ...bound, maxImageNorm: bound.maxImageNorm * 2 ** 70 }),
    ],
  ];
  for (const [name, expected, lie] of lies) {
    const seen = new Set<Broken>();
    const liar: Prover = (graph, latent) => lie(prover(graph, latent));
    for (let seed = 0; seed < 100; seed++) {
      const outcome = check(combination('products', seed), liar, seed);
      if (outcome.status === 'proven' && outcome.violation !== null) seen.add(outcome.violation.broken);
    }
    assert.ok(
      expected.some((broken) => seen.has(broken)),
      `${name}: ${[...seen]}`,
    );
  }
});

test('roots of sums of squares: nothing that is proven is false', () => {
  let proven = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const one = combination('norms', seed);
    const outcome = check(one, prover, seed);
    if (outcome.status !== 'proven') continue;
    assert.equal(outcome.violation, null, `${seed}:\n${describe(one.graph)}`);
    proven++;
  }
  assert.ok(proven > 500, `${proven} proven`);
});

test('samples that touch each other are noticed', () => {
  const builder = new GraphBuilder(['N', 2]);
  const latent = builder.node('Add', ['image', builder.node('ReduceSum', ['image', builder.ints([0])])]);
  const graph = builder.graph(latent);
  const alone = { lipschitz: 2, latentNorm: { constant: 0, l2: 3, l1: 0 }, maxImageNorm: 1, latentSize: 2 };
  const error = { constant: 1, l2: 1, l1: 0 };
  const outcome = check(
    { graph, latent, imageDims: [2] },
    () => ({ ...alone, latentError: [error], layers: [], inputShape: [2] }) as unknown as EncoderBound,
    1,
  );
  assert.equal(outcome.status === 'proven' && outcome.violation?.broken, 'batch');
});

test('ONNX Runtime, with all its rewritings, keeps to what is proven', async () => {
  const evaluate = (form: AffineBound, { l2, l1 }: { l2: number; l1: number }) =>
    form.constant + form.l2 * l2 + form.l1 * l1;
  for (const family of FAMILIES) {
    for (let seed = 1000; seed < 1050; seed++) {
      const { graph, latent, imageDims } = combination(family, seed);
      let bound: EncoderBound;
      try {
        bound = prover(graph, latent);
      } catch {
        continue;
      }
      const image = pixels(seed, sizeOf(imageDims));
      const norms = normsOf(image);
      if (norms.l2 > bound.maxImageNorm) continue;
      const program = compile(graph, 1, [latent]);
      const [output] = program.outputs;
      assert(output?.kind === 'real');
      const exact = runExact(program, image)[output.slot]!;
      const asked: Asked[] = [{ name: latent, type: 'float32', rank: 2 }];
      const [answer] = await runOnnxRuntime(graph, asked, image, { batch: 1, imageDims, optimised: true });
      const error = Math.sqrt(exact.reduce((s, v, e) => s + (v - Number(answer!.data[e])) ** 2, 0));
      for (const form of bound.latentError) {
        assert.ok(error <= evaluate(form, norms), `${family} ${seed}: ${error}\n${describe(graph)}`);
      }
    }
  }
});
