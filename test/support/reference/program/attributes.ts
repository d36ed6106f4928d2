/** A node's attributes, as the reference interpreter reads them. */

import type { OnnxNode } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { invalid } from './tensors.ts';

export function intOf(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return otherwise;
  return attribute.kind === 'int' ? Number(attribute.value) : invalid(`attribute ${name} is no int`);
}

export function intsOf(node: OnnxNode, name: string): number[] | null {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return null;
  return attribute.kind === 'ints' ? attribute.value.map(Number) : invalid(`attribute ${name} is no list of ints`);
}

/** A float32. */
export function floatOf(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return Math.fround(otherwise);
  return attribute.kind === 'float' ? Math.fround(attribute.value) : invalid(`attribute ${name} is no float`);
}

export function stringOf(node: OnnxNode, name: string, otherwise: string): string {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return otherwise;
  return attribute.kind === 'string' ? attribute.value : invalid(`attribute ${name} is no string`);
}
