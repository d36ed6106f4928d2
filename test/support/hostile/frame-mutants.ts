/** Mutations of what is around a sealed network: the certificate head, and the file's inputs, outputs, versions and metadata. */

import type { Certificate } from '../../../src/certify-runtime/trusted/file/claims.ts';
import { HEAD_PREFIX } from '../../../src/certify-runtime/trusted/file/names.ts';
import type { OnnxModel, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { withGraph, withTensor } from '../networks/sealed.ts';
import { bypassed, CONSTANT, type Forgery } from './mutants.ts';

/** The certificate head changed, node by node and constant by constant. */
export function* heads(model: OnnxModel, certificate: Certificate): Generator<Forgery> {
  const { nodes, initializers } = model.graph;
  const with_ = (name: string, changed: OnnxModel): Forgery => ({
    name: `head: ${name}`,
    model: changed,
    certificate,
    keepHead: true,
  });
  for (const [i, node] of nodes.entries()) {
    if (!node.name.startsWith(HEAD_PREFIX)) continue;
    const changes: [string, Partial<OnnxNode>][] = [
      ['another name', { name: `${node.name}x` }],
      [
        'another operator',
        { op: node.op === 'ReduceMin' ? 'ReduceMax' : node.op === 'ArgMax' ? 'ArgMin' : `${node.op}x` },
      ],
      ['inputs exchanged', { inputs: [...node.inputs].reverse() }],
      ['an input more', { inputs: [...node.inputs, 'logits'] }],
      [
        'an attribute more',
        { attributes: new Map([...node.attributes, ['odd', { kind: 'int', value: 1n } as const]]) },
      ],
      ['no attributes', { attributes: new Map() }],
    ];
    for (const [name, change] of changes) {
      const changed = { ...node, ...change };
      if (
        JSON.stringify([changed.inputs, changed.attributes.size]) ===
          JSON.stringify([node.inputs, node.attributes.size]) &&
        changed.op === node.op &&
        changed.name === node.name
      )
        continue;
      yield with_(`${node.name}: ${name}`, withGraph(model, { nodes: nodes.toSpliced(i, 1, changed) }));
    }
    yield with_(`${node.name} left out`, bypassed(model, i));
  }
  for (const tensor of initializers.values()) {
    if (!tensor.name.startsWith(HEAD_PREFIX)) continue;
    for (let i = 0; i < tensor.data.length; i++) {
      const change =
        tensor.data instanceof Float32Array
          ? Float32Array.from(tensor.data)
          : BigInt64Array.from(tensor.data as BigInt64Array);
      if (change instanceof Float32Array) change[i] = change[i]! === 0 ? 2 ** -149 : change[i]! * (1 + 2 ** -23);
      else change[i]! += 1n;
      yield with_(`${tensor.name}[${i}] changed`, withTensor(model, { ...tensor, data: change }));
    }
    yield with_(`${tensor.name} with a dimension more`, withTensor(model, { ...tensor, dims: [1, ...tensor.dims] }));
  }
  yield with_('a constant more', withTensor(model, { ...CONSTANT, name: `${HEAD_PREFIX}odd` }));
}

/** The file's frame: inputs, outputs, versions, metadata. */
export function* frames(model: OnnxModel, certificate: Certificate): Generator<Forgery> {
  const { graph, metadata } = model;
  const { inputs, outputs } = graph;
  const frame = (name: string, changed: OnnxModel): Forgery => ({ name, model: changed, certificate });
  for (let i = 0; i < outputs.length; i++) {
    const other = outputs[(i + 1) % outputs.length]!;
    yield frame(`output ${i} left out`, withGraph(model, { outputs: outputs.toSpliced(i, 1) }));
    yield frame(
      `output ${i} exchanged`,
      withGraph(model, { outputs: outputs.with(i, other).with((i + 1) % outputs.length, outputs[i]!) }),
    );
    yield frame(
      `output ${i} of other dims`,
      withGraph(model, { outputs: outputs.with(i, { ...outputs[i]!, dims: ['N', 7] }) }),
    );
    yield frame(
      `output ${i} of another type`,
      withGraph(model, { outputs: outputs.with(i, { ...outputs[i]!, type: 'float64' }) }),
    );
    yield frame(
      `output ${i} another tensor`,
      withGraph(model, { outputs: outputs.with(i, { ...outputs[i]!, name: `${HEAD_PREFIX}flat` }) }),
    );
  }
  const [image] = inputs as [(typeof inputs)[number]];
  for (const dims of [
    ['N'],
    ['N', 48],
    [1, ...image.dims.slice(1)],
    ['N', ...image.dims.slice(1, 3), 'C'],
    ['M', ...image.dims.slice(1)],
    ['N', ...image.dims.slice(1, 3).reverse(), 5],
  ]) {
    yield frame(`image [${dims}]`, withGraph(model, { inputs: [{ ...image, dims }] }));
  }
  yield frame('two inputs', withGraph(model, { inputs: [image, { ...image, name: 'more' }] }));
  yield frame('no input', withGraph(model, { inputs: [] }));
  for (const opset of [1, 11, 13, 17, 19, 21, 25]) yield frame(`opset ${opset}`, { ...model, opset });
  for (const irVersion of [4, 7, 9, 10, 13]) yield frame(`IR version ${irVersion}`, { ...model, irVersion });
  for (const key of ['ort_config', 'ort_model', 'session.x', 'glean.certificate2', '']) {
    yield frame(`metadata '${key}'`, { ...model, metadata: new Map([...metadata, [key, '{}']]) });
  }
}
