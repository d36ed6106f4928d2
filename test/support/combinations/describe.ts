/** A graph as a few lines of text, for the report of a violation. */

import type { Attribute, Graph, Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';

/** Values of a constant that are written out. */
const MOST = 8;

function tensorText({ type, dims, data }: Tensor): string {
  const values = Array.from(data as ArrayLike<number | bigint>)
    .slice(0, MOST)
    .map((value) => (typeof value === 'bigint' ? `${value}` : `${Number(value.toPrecision(5))}`));
  return `${type}[${dims}]{${values.join(' ')}${data.length > MOST ? ' …' : ''}}`;
}

function attributeText([name, { kind, value }]: readonly [string, Attribute]): string {
  return `${name}=${kind === 'tensor' ? tensorText(value) : kind === 'ints' ? `[${value}]` : value}`;
}

export function describe({ inputs, nodes, initializers }: Graph): string {
  const input = (name: string): string => {
    const tensor = initializers.get(name);
    return tensor === undefined ? name || '-' : tensorText(tensor);
  };
  const lines = nodes.map(({ op, inputs: names, outputs, attributes }) => {
    const settings = [...attributes].map(attributeText).join(' ');
    return `${outputs.join(', ')} = ${op}(${names.map(input).join(', ')})${settings === '' ? '' : ` ${settings}`}`;
  });
  return [`${inputs[0]!.name} [${inputs[0]!.dims}]`, ...lines].join('\n');
}
