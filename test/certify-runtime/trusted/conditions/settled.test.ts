/** What the walk does with each node’s inputs and outputs, apart from the rules: whom it asks, what it tells, what it refuses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Graph } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import type { Rule } from '../../../../src/certify-runtime/trusted/walk/rule.ts';
import type { Site } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  type Base,
  computed,
  type Data,
  measureOf,
  sinceOf,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules, rulesAlone } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { type Dims, type Make, proveFlat, refusal } from './site.ts';

function graphOf(dims: Dims, make: Make): { graph: Graph; latent: string } {
  const b = new GraphBuilder(dims);
  const latent = make(b);
  return { graph: b.graph(latent), latent };
}

test('what is in the order of its base is settled, a view is not; one linear operator alone leaves it to what follows', () => {
  const settled: [op: string, passed: boolean, isSource: boolean][] = [];
  const sharpen = (site: Site, base: Base, passed: boolean): void => {
    settled.push([site.node.op, passed, sinceOf(base.measure).some(({ source }) => source === base)]);
  };
  const twice: Rule = {
    attributes: [],
    apply: (site) => ({ outputs: [1, 2].map(() => computed([1, 4], measureOf(site.data(0)))), upper: 1 }),
  };
  const rules = Object.assign(new Map([...rulesAlone, ['Twice', twice]]), { sharpen });
  const { graph, latent } = graphOf(['N', 2, 2], (b) => {
    const turned = b.node('Transpose', ['image'], { perm: [0, 2, 1] });
    const product = b.node('MatMul', [turned, b.floats([2, 2], [1, 2, 3, 4])]);
    const negative = b.node('Neg', [b.node('Relu', [b.node('Reshape', [product, b.ints([0, 4])])])]);
    const scaled = b.node('Mul', [negative, b.floats([], [3])]);
    const turnedBack = b.node('Neg', [scaled]);
    // Nothing reads its second output.
    const [first] = b.nodeWith('Twice', [scaled], 2);
    return b.node('Add', [b.node('Add', [b.node('Abs', [turnedBack]), b.node('Abs', [first!])]), turnedBack]);
  });
  boundEncoder(graph, { input: 'image', latent, rules });
  assert.deepEqual(settled, [
    ['MatMul', false, false],
    ['Reshape', false, false],
    ['Relu', true, true],
    ['Neg', true, false],
    ['Mul', false, false],
    ['Neg', false, false],
    ['Twice', false, false],
    ['Twice', false, false],
    ['Abs', true, true],
    ['Abs', true, true],
    ['Add', true, true],
    ['Add', false, true],
  ]);
});

test('an initializer that is also an input is no constant: whoever runs the graph may replace it', () => {
  const { graph, latent } = graphOf(['N', 4], (b) => b.node('Add', ['image', b.floats([4], [1, 2, 3, 4])]));
  const options = { input: 'image', latent, rules: allRules };
  assert.equal(boundEncoder(graph, options).lipschitz, 1);
  const inputs = [...graph.inputs, { name: 'constant_0', type: 'float32', dims: [4] } as const];
  refusal(() => boundEncoder({ ...graph, inputs }, options), /"constant_0"\) is neither a constant nor computed/);
});

test('whoever asks is told of each tensor that depends on the image, and of no other', () => {
  const { graph, latent } = graphOf(['N', 2, 2], (b) => {
    const tripled = b.node('Mul', ['image', b.floats([], [3])]);
    const root = b.node('Sqrt', [b.node('Mul', [tripled, tripled])]);
    return b.node('Reshape', [root, b.node('Slice', [b.node('Shape', ['image']), b.ints([0]), b.ints([1])])]);
  });
  const flat = { ...graph.nodes[3]!, op: 'Flatten', inputs: [graph.nodes[2]!.outputs[0]!] };
  const nodes = [...graph.nodes.slice(0, 3), ...graph.nodes.slice(3, -1), { ...flat, outputs: [latent] }];
  const told: [string, number][] = [];
  const observe = (name: string, found: { readonly lipschitz: number }): void => {
    told.push([name, Math.round(found.lipschitz)]);
  };
  boundEncoder({ ...graph, nodes }, { input: 'image', latent, rules: allRules, observe });
  const [tripled, , root] = graph.nodes.map(({ outputs }) => outputs[0]!);
  assert.deepEqual(told, [
    ['image', 1],
    [tripled, 3],
    [root, 3],
    [latent, 3],
  ]);
});

test('no output has more than eight dimensions, be it a tensor or squares, whatever its rule looks at', () => {
  const proof = (kind: 'data' | 'squares', rank: number): number => {
    const wide: Rule = {
      attributes: [],
      apply: (site) => {
        const roots = computed(Array(rank).fill(1), measureOf(site.data(0)));
        const squares = { kind: 'squares', roots, terms: 1, hidden: 0, peak: roots.base.measure.norm } as const;
        return { outputs: [kind === 'data' ? roots : squares], upper: 1 };
      },
    };
    const back: Rule = {
      attributes: [],
      apply: (site) => ({ outputs: [computed([1, 1], measureOf(site.walk.values.get('image') as Data))], upper: 1 }),
    };
    const products = { product: back, onSquares: () => back };
    const rules = Object.assign(new Map(Object.entries({ Wide: wide, Back: back })), { products });
    const { graph, latent } = graphOf(['N', 1], (b) => b.node('Back', [b.node('Wide', ['image'])]));
    return boundEncoder(graph, { input: 'image', latent, rules }).latentSize;
  };
  for (const kind of ['data', 'squares'] as const) {
    assert.equal(proof(kind, 8), 1);
    refusal(() => proof(kind, 9), /is too large/);
  }
});

test('Mul takes two inputs: a third one is not left out in silence', () => {
  const times = (...more: readonly string[]): number =>
    proveFlat(['N', 4], (b) => b.node('Mul', ['image', b.node('Sigmoid', ['image']), ...more])).lipschitz;
  assert.ok(times() > 1, 'x times its sigmoid');
  refusal(() => times('image'), /product of two tensors .* has no bound/);
});

test('products of different shapes are not one product, though one is stretched to the other', () => {
  const identity = (b: GraphBuilder): string => b.floats([2, 2], [1, 0, 0, 1]);
  const { lipschitz } = proveFlat(['N', 2, 2], (b) => {
    const first = b.node('Slice', ['image', b.ints([0]), b.ints([1]), b.ints([1])]);
    return b.node('Add', [b.node('MatMul', ['image', identity(b)]), b.node('MatMul', [first, identity(b)])]);
  });
  // (v₁, v₂) becomes (2v₁, v₂ + v₁), which is longer by √(3 + √5).
  assert.ok(lipschitz >= Math.sqrt(3 + Math.sqrt(5)), `${lipschitz}`);
});
