/** One node as a rule sees it: its inputs, its attributes, and the way to refuse it by name. */

import type { AffineBound, LayerBound } from '../bounds/bound.ts';
import { MAX_COPIED, MAX_ELEMENTS, MAX_TENSORS, MAX_WORK } from '../bounds/budget.ts';
import { type Floats, gammaOf, type Precision } from '../bounds/precision.ts';
import { OVERFLOW_32 } from '../bounds/rounding.ts';
import { UnprovableError } from '../errors.ts';
import type { Attribute, OnnxNode, Tensor } from '../onnx/model.ts';
import type { ShapeValue } from './shape-value.ts';
import { type Base, type Data, type Squares, sizeOf } from './state.ts';
import type { View } from './view.ts';

interface Constant {
  readonly kind: 'constant';
  readonly tensor: Tensor;
}

export type Value = Data | Constant | ShapeValue | Squares;

export function dependsOnImage(value: Value | undefined): boolean {
  return value?.kind === 'data' || value?.kind === 'squares';
}

/** The state of the walk that rules share. */
export interface Walk {
  /** The number of pixels of one image. */
  readonly imageSize: number;
  readonly values: Map<string, Value>;
  /** The shapes of the tensors that nodes compute from the image. */
  readonly shapes: Map<string, readonly number[]>;
  /** The names of the tensors that depend on the image and are float64; all others of them are float32. */
  readonly doubles: Set<string>;
  readonly layers: LayerBound[];
  /** Views with pairs, and the base that each was made into. */
  readonly rebases: Map<View, Base>;
  /** The multiply-adds spent on the proof so far. */
  work: number;
  /** The elements of all tensors, some counted twice, and of the rearrangements that are kept in memory. */
  elements: number;
  viewElements: number;
  /** The elements of constants that were copied. */
  copied: number;
  /** No intermediate value overflows for ‖x‖₂ up to this. */
  maxImageNorm: number;
}

type ValueOf<K> = Extract<Attribute, { readonly kind: K }>['value'];

export class Site {
  readonly node: OnnxNode;
  readonly position: number;
  readonly walk: Walk;
  /** Found once: a Sum asks for each of its inputs, and may have many. */
  #precision: Precision | null = null;

  constructor(node: OnnxNode, position: number, walk: Walk) {
    this.node = node;
    this.position = position;
    this.walk = walk;
  }

  /** Refuses the node: nothing is proven about it. */
  refuse(reason: string): never {
    const { op, name } = this.node;
    throw new UnprovableError(`${op} "${name}" (node ${this.position}): ${reason}`, {
      op,
      node: name,
      position: this.position,
    });
  }

  /** Whether input i is present (an omitted one is the empty string). */
  has(i: number): boolean {
    return (this.node.inputs[i] ?? '') !== '';
  }

  value(i: number): Value {
    const name = this.node.inputs[i] ?? '';
    if (name === '') this.refuse(`input ${i} is missing`);
    const value = this.walk.values.get(name);
    if (value === undefined) this.refuse(`input ${i} ("${name}") is neither a constant nor computed from the image`);
    return value;
  }

  data(i: number): Data {
    const value = this.value(i);
    if (value.kind !== 'data') this.refuse(`input ${i} must depend on the image`);
    return value;
  }

  constant(i: number): Tensor {
    const value = this.value(i);
    if (value.kind !== 'constant') this.refuse(`input ${i} ("${this.node.inputs[i]}") must be a constant`);
    return value.tensor;
  }

  /** What the node computes in: the type of its inputs that depend on the image, which must be the same for all. */
  get precision(): Precision {
    this.#precision ??= this.#findPrecision();
    return this.#precision;
  }

  #findPrecision(): Precision {
    const { values, doubles } = this.walk;
    const found = new Set(
      this.node.inputs.flatMap((name): Precision[] =>
        dependsOnImage(values.get(name)) ? [doubles.has(name) ? 'float64' : 'float32'] : [],
      ),
    );
    if (found.size > 1) this.refuse('it takes float32 and float64; put a Cast before one');
    return [...found][0] ?? 'float32';
  }

  /** γ_n of what the node computes in, rounded up; Infinity if n is too large. */
  gamma(n: number): number {
    return gammaOf(this.precision, n);
  }

  /** A constant of the type that the node computes in, with finite values. */
  floats(i: number): { dims: readonly number[]; values: Floats } {
    const { precision } = this;
    const tensor = this.constant(i);
    if (tensor.type !== precision) this.refuse(`input ${i} must be ${precision}, not ${tensor.type}`);
    return this.reals(i);
  }

  /** A float32 or float64 constant with finite values that float32 could hold, though it may round them. */
  reals(i: number): { dims: readonly number[]; values: Floats } {
    const tensor = this.constant(i);
    if (!(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array))
      this.refuse(`input ${i} must be float32 or float64, not ${tensor.type}`);
    if (sizeOf(tensor.dims) !== tensor.data.length) this.refuse(`input ${i} has a wrong number of values`);
    this.spend(8 * tensor.data.length);
    // Twice OVERFLOW_32 is above every float32. Float64 constants keep to it, so that all limits are those of float32.
    for (const value of tensor.data) if (!(Math.abs(value) < 2 * OVERFLOW_32)) this.refuse(`input ${i} holds ${value}`);
    return { dims: tensor.dims, values: tensor.data };
  }

  /** Such a constant of one element. */
  float(i: number): number {
    const { values } = this.floats(i);
    if (values.length !== 1) this.refuse(`input ${i} must have one element`);
    return values[0]!;
  }

  /** The entries of a constant int64 or int32 tensor of rank ≤ 1, or of a shape that does not depend on the batch. */
  integers(i: number): number[] {
    return this.integerEntries(i).map((value) => this.safeInteger(value));
  }

  /** The axes that input i lists; null if it is absent. Operators take an empty list to mean no axis, or all axes. */
  axes(i: number): number[] | null {
    const axes = this.has(i) ? this.integers(i) : null;
    return axes?.length === 0 ? this.refuse('an empty list of axes has no rule') : axes;
  }

  /**
   * Integers that ONNX clamps, such as positions. One beyond ±2⁵², such as the largest int64 for "to the end", lies
   * beyond every axis and is given as ±2⁵².
   */
  positions(i: number): number[] {
    const limit = 2n ** 52n;
    return this.integerEntries(i).map((value) => Number(value > limit ? limit : value < -limit ? -limit : value));
  }

  /** The exact entries. */
  integerEntries(i: number): readonly bigint[] {
    const value = this.value(i);
    if (value.kind === 'shape') {
      return value.entries.map((entry) => {
        if (entry.perSample !== 0n) this.refuse(`input ${i} depends on the batch size`);
        return entry.constant;
      });
    }
    const { type, dims, data } = this.constant(i);
    if (type !== 'int64' && type !== 'int32') this.refuse(`input ${i} must be int64 or int32, not ${type}`);
    if (sizeOf(dims) !== data.length || data.length > MAX_ELEMENTS)
      this.refuse(`input ${i} has a wrong number of values`);
    this.spend(8 * data.length);
    return Array.from(data as ArrayLike<number | bigint>, BigInt);
  }

  private safeInteger(value: bigint): number {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : this.refuse(`the integer ${value} has no rule`);
  }

  int(name: string, otherwise: number): number {
    const value = this.attribute(name, 'int');
    return value === undefined ? otherwise : this.safeInteger(value);
  }

  /** An attribute that says yes or no. Any other number is refused, because programs differ about it. */
  flag(name: string, otherwise: boolean): boolean {
    const value = this.int(name, Number(otherwise));
    return value === 0 || value === 1 ? value === 1 : this.refuse(`attribute ${name} must be 0 or 1, not ${value}`);
  }

  ints(name: string): number[] | null {
    return this.attribute(name, 'ints')?.map((entry) => this.safeInteger(entry)) ?? null;
  }

  number(name: string, otherwise: number): number {
    const value = this.attribute(name, 'float');
    if (value !== undefined && !Number.isFinite(value)) this.refuse(`attribute ${name} must be finite`);
    // ONNX's defaults are float32 as well.
    return Math.fround(value ?? otherwise);
  }

  string(name: string, otherwise: string): string {
    return this.attribute(name, 'string') ?? otherwise;
  }

  private attribute<K extends Attribute['kind']>(name: string, kind: K): ValueOf<K> | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute !== undefined && attribute.kind !== kind) this.refuse(`attribute ${name} must be of kind ${kind}`);
    return attribute?.value as ValueOf<K> | undefined;
  }

  /** The axis as a number from 1 to rank − 1: axis 0 is the batch, which no operator may touch. */
  sampleAxis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(positive) || positive < 0 || positive >= rank)
      this.refuse(`axis ${axis} is not one of ${rank}`);
    if (positive === 0) this.refuse('axis 0 is the batch: samples would be mixed');
    return positive;
  }

  /** Counts work, and elements kept beside the file's own constants, and refuses what would take too long or too much. */
  spend(work: number, copied = 0): void {
    const { walk } = this;
    walk.work += work;
    walk.copied += copied;
    if (!(walk.work <= MAX_WORK && walk.copied <= MAX_COPIED)) {
      this.refuse('the proof is too large (limit of the verifier)');
    }
  }

  /** The multiply-adds that may still be spent. */
  get workLeft(): number {
    return MAX_WORK - this.walk.work;
  }

  /** Counts a tensor's elements, and refuses a shape that no tensor may have. */
  checkShape(shape: readonly number[]): void {
    const { walk } = this;
    const size = sizeOf(shape);
    walk.elements += size;
    const whole = shape.length <= 8 && shape.every((dim) => Number.isSafeInteger(dim) && dim > 0);
    if (!(whole && size <= MAX_ELEMENTS && walk.elements <= MAX_TENSORS)) {
      this.refuse(`[N·${shape}] is not positive, or is too large (limit of the verifier)`);
    }
  }

  /** Every value and partial sum here is at most bound(x). This remembers for which ‖x‖₂ that does not overflow. */
  limitMagnitude(bound: AffineBound): void {
    if (bound.l1 !== 0) throw new Error('a magnitude has no l1');
    const room = OVERFLOW_32 - bound.constant;
    if (!(room > 0)) this.refuse('its constants are so large that float32 may overflow for every image');
    if (!(bound.l2 < Number.POSITIVE_INFINITY)) this.refuse('its bound is not finite');
    if (bound.l2 > 0) this.walk.maxImageNorm = Math.min(this.walk.maxImageNorm, (room / bound.l2) * (1 - 2 ** -50));
  }
}
