/** Local functions: the network that is read gives what ONNX Runtime gives for the file with its functions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FileFunction, type FileNode, fileOf, floats } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, read, written } from './support.ts';

const DOMAIN = 'pkg';
const call = (name: string, inputs: string[], outputs: string[], more: Partial<FileNode> = {}): FileNode => ({
  op: name,
  domain: DOMAIN,
  inputs,
  outputs,
  ...more,
});

function model(functions: readonly FileFunction[], nodes: readonly FileNode[], opset = 18): Uint8Array {
  return fileOf({
    opset,
    functions,
    nodes,
    domains: [DOMAIN],
    tensors: { w: floats(1, -2, 3) },
    inputs: [{ name: 'x', dims: ['N', 3] }],
    outputs: [{ name: 'y', dims: ['N', 3] }],
  });
}

async function same(bytes: Uint8Array): Promise<string[]> {
  const read_ = await read(bytes);
  const feed = image([2, 3]);
  assert.deepEqual(numbers(await answer(written(read_), feed)), numbers(await answer(bytes, feed)));
  return read_.graph.nodes.map(({ op }) => op);
}

/** f(a, b) with a temporary of the same name in every function, an attribute with a default, and two outputs. */
const leaky: FileFunction = {
  domain: DOMAIN,
  name: 'F0',
  inputs: ['a', 'b'],
  outputs: ['p', 'q'],
  attributes: ['slope'],
  defaults: { bias: { float: 0.5 } },
  nodes: [
    { op: 'LeakyRelu', inputs: ['a'], outputs: ['t'], attributes: { alpha: { ref: 'slope', type: 1 } } },
    { op: 'Elu', inputs: ['b'], outputs: ['u'], attributes: { alpha: { ref: 'bias', type: 1 } } },
    { op: 'Add', inputs: ['t', 'u'], outputs: ['p'] },
    { op: 'Sub', inputs: ['t', 'u'], outputs: ['q'] },
  ],
};

/** Function i calls earlier ones, or operators. */
function functionOf(
  i: number,
  steps: readonly { callee: number; a: number; b: number; slope: boolean }[],
): FileFunction {
  const known = ['a', 'b'];
  const nodes = steps.map(({ callee, a, b, slope }, k): FileNode => {
    const inputs = [known[a % known.length]!, known[b % known.length]!];
    const output = `t${k}`;
    known.push(output);
    if (callee % (i + 1) === i) return { op: ['Add', 'Sub', 'Mul', 'Max'][callee % 4]!, inputs, outputs: [output] };
    const attributes = slope ? { slope: { ref: 'slope', type: 1 } } : { slope: { float: 0.25 }, bias: { float: 1.5 } };
    return call(`F${callee % (i + 1)}`, inputs, [output, `s${k}`], { attributes });
  });
  const [last, other] = [known.at(-1)!, known.at(-2)!];
  return {
    ...leaky,
    name: `F${i}`,
    domains: [DOMAIN],
    outputs: ['p', 'q'],
    nodes: [
      ...nodes,
      { op: 'Identity', inputs: [last], outputs: ['p'] },
      { op: 'Neg', inputs: [other], outputs: ['q'] },
    ],
  };
}

const steps = fc.array(fc.record({ callee: fc.nat(7), a: fc.nat(7), b: fc.nat(7), slope: fc.boolean() }), {
  minLength: 1,
  maxLength: 4,
});

test('random functions that call each other give what ONNX Runtime gives', async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, steps, async (one, two, three) => {
      const functions = [leaky, functionOf(1, one), functionOf(2, two), functionOf(3, three)];
      const attributes = { slope: { float: 0.125 } };
      await same(
        model(functions, [
          call('F3', ['x', 'w'], ['p', 'q'], { attributes }),
          call('F2', ['p', 'q'], ['v', 'z'], { attributes, name: 'second' }),
          { op: 'Add', inputs: ['v', 'x'], outputs: ['y'] },
        ]),
      );
    }),
    { numRuns: 30 },
  );
});

test('an optional input, an optional attribute and an output may be left out', async () => {
  const clip: FileFunction = {
    domain: DOMAIN,
    name: 'Clipped',
    inputs: ['v', 'low', 'high'],
    outputs: ['negative', 'clipped'],
    attributes: ['alpha'],
    nodes: [
      { op: 'Clip', inputs: ['v', 'low', 'high'], outputs: ['c'] },
      { op: 'Neg', inputs: ['c'], outputs: ['negative'] },
      { op: 'LeakyRelu', inputs: ['c'], outputs: ['clipped'], attributes: { alpha: { ref: 'alpha', type: 1 } } },
    ],
  };
  const low: FileNode = { op: 'Constant', outputs: ['low'], attributes: { value_float: { float: -0.25 } } };
  const ops = await same(model([clip], [low, call('Clipped', ['x', 'low'], ['', 'y'])]));
  assert.deepEqual(ops, ['Clip', 'LeakyRelu']);
});

test('an output that is an input, or is there twice, is a copy', async () => {
  const through: FileFunction = {
    domain: DOMAIN,
    name: 'Through',
    inputs: ['v'],
    outputs: ['v', 'n', 'n'],
    nodes: [{ op: 'Neg', inputs: ['v'], outputs: ['n'] }],
  };
  const sum: FileNode = { op: 'Sum', inputs: ['p', 'q', 'r', 'w'], outputs: ['y'] };
  const { graph } = await read(model([through], [call('Through', ['x'], ['p', 'q', 'r']), sum]));
  const copies = graph.nodes
    .filter(({ op }) => op === 'Identity')
    .map(({ inputs, outputs }) => [inputs[0], outputs[0]]);
  assert.deepEqual(new Map(copies as [string, string][]).get('x'), 'p');
  assert.deepEqual(copies.length, 2);
});

test('overloads are told apart, and a function that nobody calls decides nothing', async () => {
  const overloaded = (overload: string, op: string): FileFunction => ({
    ...leaky,
    name: 'G',
    overload,
    inputs: ['a'],
    outputs: ['p'],
    attributes: [],
    defaults: {},
    nodes: [{ op, inputs: ['a'], outputs: ['p'] }],
  });
  const unused: FileFunction = {
    ...leaky,
    name: 'H',
    nodes: [{ op: 'NoSuchOperator', inputs: ['a'], outputs: ['p'], domain: 'x.y' }],
  };
  const bytes = model(
    [overloaded('one', 'Neg'), overloaded('two', 'Relu'), unused],
    [call('G', ['x'], ['p'], { overload: 'one' }), call('G', ['p'], ['y'], { overload: 'two' })],
  );
  assert.deepEqual(
    (await read(bytes)).graph.nodes.map(({ op }) => op),
    ['Neg', 'Relu'],
  );
});

test('a call that does not fit, an endless one and a huge one are refused', async () => {
  const f = (nodes: readonly FileNode[], name = 'F0'): FileFunction => ({
    ...leaky,
    name,
    inputs: ['a'],
    outputs: ['p'],
    nodes,
  });
  const relu: FileNode = { op: 'Relu', inputs: ['a'], outputs: ['p'] };
  await assert.rejects(
    read(model([f([relu])], [call('F0', ['x', 'x'], ['y'])])),
    /has more inputs or outputs than function 'F0'/,
  );
  await assert.rejects(
    read(model([f([call('F0', ['a'], ['p'])])], [call('F0', ['x'], ['y'])])),
    /nested more than 64 deep/,
  );
  const doubling = Array.from({ length: 20 }, (_, i) =>
    f([call(`F${i}`, ['a'], ['m']), call(`F${i}`, ['m'], ['p'])], `F${i + 1}`),
  );
  await assert.rejects(
    read(model([f([relu]), ...doubling], [call('F20', ['x'], ['y'])])),
    /more than 100000 nodes; put the functions/,
  );
  await assert.rejects(
    read(model([{ ...f([relu]), opset: 13 }], [call('F0', ['x'], ['y'])])),
    /is of opset 13, the model of 18; put the functions in line with onnx\.inliner/,
  );
  const wrong: FileNode = {
    op: 'LeakyRelu',
    inputs: ['a'],
    outputs: ['p'],
    attributes: { alpha: { ref: 'slope', type: 2 } },
  };
  const given = { attributes: { slope: { float: 0.5 } } };
  await assert.rejects(
    read(model([f([wrong])], [call('F0', ['x'], ['y'], given)])),
    /has another type than its call gives/,
  );
});
