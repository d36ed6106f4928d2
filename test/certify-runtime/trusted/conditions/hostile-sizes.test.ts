/** Graphs that are small as files, and large as work or as memory, are refused by name, and at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_OPERANDS, MAX_WORK, OPERAND_WORK } from '../../../../src/certify-runtime/trusted/bounds/budget.ts';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { cpuSeconds } from '../../../support/command/cpu-time.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { type Make, refused } from '../../../support/networks/refused.ts';

function refuseHostileSizes(): void {
  // As many as would overflow the stack of a program that hands them to a function one by one.
  for (const count of [MAX_OPERANDS + 1, 10 ** 6]) {
    const operands = Array<string>(count).fill('image');
    refused(
      ['N', 4],
      (b) => b.node('Sum', operands),
      'Sum',
      /the list of inputs is too large \(limit of the verifier\)/,
    );
  }
  refused(['N', 2 ** 15, 2 ** 15], (b) => b.node('Relu', ['image']), 'Relu', /limit of the verifier/);
  refused(['N', 4], (b) => b.node('Pad', ['image', b.ints([0, 2 ** 30, 0, 2 ** 30])]), 'Pad', /limit of the verifier/);
  refused(
    ['N', 1, 2 ** 20],
    (b) => b.node('Pad', ['image', b.ints([0, 2 ** 10, 0, 0, 2 ** 10, 0])]),
    'Pad',
    /limit of the verifier/,
  );
  const dilated: Make = (b) => {
    const k = b.floats([1, 1, 3, 3], Array(9).fill(1));
    return b.node('Conv', ['image', k], {
      strides: [3, 3],
      dilations: [2 ** 18, 2 ** 18],
      pads: [2 ** 19, 2 ** 19, 2 ** 19, 2 ** 19],
    });
  };
  refused(['N', 1, 4, 4], dilated, 'Conv', /limit of the verifier/);
  const wide: Make = (b) =>
    b.node('Conv', ['image', b.floats([64, 64, 40, 40], new Float32Array(64 * 64 * 1600).fill(1))], {
      pads: [20, 20, 20, 20],
    });
  refused(['N', 64, 40, 40], wide, 'Conv', /limit of the verifier/);
  refused(
    ['N', 2 ** 12],
    (b) => b.node('MatMul', ['image', b.floats([2 ** 12, 2 ** 12], new Float32Array(2 ** 24))]),
    'MatMul',
    /limit of the verifier/,
  );
  const pile: Make = (b) => {
    let name = 'image';
    for (let i = 0; i < 1000; i++) name = b.node('Transpose', [name], { perm: [0, 2, 1] });
    return name;
  };
  refused(['N', 2 ** 10, 2 ** 11], pile, 'Transpose', /limit of the verifier/);
}

test('hostile sizes are refused at once', () => {
  assert.ok(cpuSeconds(refuseHostileSizes) < 10);
});

test('operands are work', () => {
  const each = 60_000;
  const summed =
    (nodes: number): Make =>
    (b) => {
      const constant = b.ints([0]);
      const joined = Array.from({ length: nodes }, () => b.node('Concat', Array(each).fill(constant), { axis: 0 }));
      return b.node('Sum', ['image', ...joined]);
    };
  refused(['N', each], summed(Math.ceil(MAX_WORK / OPERAND_WORK / each) + 1), 'Concat', /limit of the verifier/);
});

test('hostile graphs that are small as files are refused, or proven, in little time and memory', () => {
  const took = cpuSeconds(() => {
    // Of products that are one, 2^34 weights.
    refused(
      ['N', 2 ** 20],
      (b) => {
        const product = b.node('MatMul', ['image', b.floats([2 ** 20, 1], new Float32Array(2 ** 20))]);
        return b.node('Sum', Array<string>(MAX_OPERANDS).fill(product));
      },
      'Sum',
      /limit of the verifier/,
    );
    // A list that doubles with every node.
    refused(
      ['N', 4],
      (b) => {
        let list = b.ints([0, 0]);
        for (let i = 0; i < 30; i++) list = b.node('Concat', [list, list], { axis: 0 });
        return b.node('Reshape', ['image', list]);
      },
      'Concat',
      /limit of the verifier/,
    );
    // What dominates the sum is found without a climb for each operand, nor a call for each node of the chain.
    const builder = new GraphBuilder(['N', 2]);
    let last = builder.node('Relu', ['image']);
    const first = last;
    for (let i = 0; i < 9800; i++) last = builder.node('Relu', [last]);
    const two = builder.node('Sum', [last, first]);
    const latent = builder.node(
      'Sum',
      Array.from({ length: MAX_OPERANDS }, (_, i) => (i % 2 === 0 ? two : first)),
    );
    const { lipschitz } = boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules });
    assert.ok(lipschitz >= (3 * MAX_OPERANDS) / 2 && lipschitz < 1.1 * ((3 * MAX_OPERANDS) / 2), `${lipschitz}`);
  });
  assert.ok(took < 20, `${took} s`);
});

test('a sum of up to 200 operands is one linear map, and of more it is bounded term by term', () => {
  for (const [operands, least] of [
    [200, 198],
    [201, 201],
  ] as const) {
    const b = new GraphBuilder(['N', 2]);
    const minus = b.node('MatMul', ['image', b.floats([2, 2], [-1, 0, 0, -1])]);
    const latent = b.node('Sum', [...Array<string>(operands - 1).fill('image'), minus]);
    const { lipschitz } = boundEncoder(b.graph(latent), { input: 'image', latent, rules: allRules });
    assert.ok(lipschitz >= least && lipschitz < least + 0.01, `${operands}: ${lipschitz}`);
  }
});

const SMALL = Math.fround(0.01);

/** u ↦ G·Relu(W·u) with as many hidden elements as a file of a few hundred kilobytes has room for. */
const hidden =
  (n: number): Make =>
  (b) => {
    const [inward, outward] = [
      b.floats([1, n], new Float32Array(n).fill(SMALL)),
      b.floats([n, 1], new Float32Array(n).fill(SMALL)),
    ];
    return b.node('MatMul', [b.node('Relu', [b.node('MatMul', ['image', inward])]), outward]);
  };

test('a wide hidden layer has the bound of its layers, in no time', () => {
  for (const n of [2048, 2049, 40_000, 200_000]) {
    const b = new GraphBuilder(['N', 1]);
    const latent = hidden(n)(b);
    let lipschitz = 0;
    const seconds = cpuSeconds(() => {
      lipschitz = boundEncoder(b.graph(latent), { input: 'image', latent, rules: allRules }).lipschitz;
    });
    assert.ok(seconds < 10, `${n}: ${seconds} s`);
    // The gradient is that or 0, and the product of the norms is that too.
    const exact = n * SMALL ** 2;
    assert.ok(lipschitz >= exact && lipschitz < 1.0001 * exact, `${n}: ${lipschitz}`);
  }
});
