/** What the lowering of a node works with: its inputs as tensors, new slots, and the steps of the program so far. */

import type { OnnxNode } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import type { Slot, Step } from './program.ts';
import { type IntTensor, invalid, type RealTensor, type RefTensor, sizeOf, unsupported } from './tensors.ts';

export class Assembler {
  readonly slots: Slot[] = [];
  readonly active: boolean[] = [];
  readonly steps: Step[] = [];

  constant(dims: readonly number[], values: Float64Array): RealTensor {
    this.slots.push({ size: values.length, constant: values });
    this.active.push(false);
    return { kind: 'real', slot: this.slots.length - 1, dims };
  }

  /** A place for values that depend on the image, or are computed from constants. */
  place(dims: readonly number[], active: boolean): RealTensor {
    this.slots.push({ size: sizeOf(dims), constant: null });
    this.active.push(active);
    return { kind: 'real', slot: this.slots.length - 1, dims };
  }
}

/** A node with its inputs; an omitted one is undefined. */
export class NodeSite {
  readonly node: OnnxNode;
  readonly inputs: readonly (RefTensor | undefined)[];
  readonly assembler: Assembler;

  constructor(node: OnnxNode, inputs: readonly (RefTensor | undefined)[], assembler: Assembler) {
    this.node = node;
    this.inputs = inputs;
    this.assembler = assembler;
  }

  real(i: number): RealTensor {
    const input = this.inputs[i];
    return input?.kind === 'real' ? input : invalid(`${this.node.op}: input ${i} is no float32 tensor`);
  }

  reals(): RealTensor[] {
    return this.inputs.map((_, i) => this.real(i));
  }

  int(i: number): IntTensor | undefined {
    const input = this.inputs[i];
    return input?.kind === 'real' ? invalid(`${this.node.op}: input ${i} is no integer tensor`) : input;
  }

  /** The values of a constant float32 input. */
  values(i: number): Float64Array {
    const { slot } = this.real(i);
    return this.assembler.slots[slot]!.constant ?? unsupported(`${this.node.op}: input ${i} is no constant`);
  }

  /** A place for a result of these inputs. */
  place(dims: readonly number[], ...inputs: readonly RealTensor[]): RealTensor {
    return this.assembler.place(
      dims,
      inputs.some(({ slot }) => this.assembler.active[slot]),
    );
  }

  add(step: Step): void {
    this.assembler.steps.push(step);
  }
}
