/**
 * Integers in disguise: chains of integer operators that come to a wanted value in ONNX Runtime's arithmetic (wrap-around in the
 * width of the type, division that truncates), through values at the limits of int32, int64 and of what a double holds.
 */

import type { Grown, Growth } from '../growth.ts';

type Width = 32 | 64;

const NEAR = [-1n, 0n, 0n, 0n, 1n];
const POWERS: Readonly<Record<Width, readonly bigint[]>> = {
  32: [1n, 3n, 8n, 15n, 16n, 24n, 29n, 30n, 31n],
  64: [1n, 3n, 8n, 16n, 29n, 31n, 32n, 33n, 51n, 52n, 53n, 54n, 60n, 62n, 63n],
};

function wrapped(width: Width, value: bigint): bigint {
  return BigInt.asIntN(width, value);
}

function fits(width: Width, value: bigint): boolean {
  return wrapped(width, value) === value;
}

/** A power of two, or one beside it, or a small number; negative at times. */
export function limit(g: Growth, width: Width): bigint {
  const { chance } = g;
  const kind = chance.below(8);
  if (kind === 0) return BigInt(chance.between(-9, 9));
  if (kind === 1) return wrapped(width, BigInt(chance.uint32()) * BigInt(chance.uint32()));
  const near = 2n ** chance.pick(POWERS[width]) + chance.pick(NEAR);
  return wrapped(width, chance.is(0.25) ? -near : near);
}

function constant(g: Growth, width: Width, values: readonly bigint[], dims = [values.length]): string {
  return width === 64
    ? g.builder.tensor({ type: 'int64', dims, data: BigInt64Array.from(values) })
    : g.builder.tensor({ type: 'int32', dims, data: Int32Array.from(values, Number) });
}

/** Of an odd number modulo 2⁶⁴, by Newton's iteration. */
function inverse(odd: bigint): bigint {
  let x = odd;
  for (let i = 0; i < 6; i++) x = BigInt.asUintN(64, x * (2n - odd * x));
  return x;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export interface Site {
  readonly g: Growth;
  /** Tensors whose shape may be asked for. */
  readonly shapes: readonly Grown[];
  /** Nothing wraps around and no division has a remainder: what a careful proof may accept. */
  readonly tame: boolean;
}

/** The name of an integer tensor [1] that is `value`, by at most `depth` operators below each other. */
function disguised(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  if (depth === 0) return constant(g, width, [value]);
  switch (g.chance.below(9)) {
    case 0:
      return recast(site, value, width, depth - 1);
    case 1:
    case 2:
      return divided(site, value, width, depth - 1);
    case 3:
    case 4:
      return multiplied(site, value, width, depth - 1);
    case 5:
      return picked(site, value, width, depth - 1);
    case 6:
      return carried(site, value, width, depth - 1);
    case 7:
      return fromShape(site, value, width, depth - 1);
    default:
      return constant(g, width, [value]);
  }
}

function recast(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  if (width === 64) {
    if (!fits(32, value)) return constant(g, 64, [value]);
    return g.builder.node('Cast', [disguised(site, value, 32, depth)], { to: 7 });
  }
  if (site.tame) return g.builder.node('Cast', [disguised(site, value, 64, depth)], { to: 6 });
  // Whatever is above the lowest 32 bits is cut off.
  const wide = wrapped(64, value + (limit(g, 64) << 32n));
  return g.builder.node('Cast', [disguised(site, wide, 64, depth)], { to: 6 });
}

function divided(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  const { chance } = g;
  let by = limit(g, width);
  if (by === 0n && !chance.is(0.1)) by = 1n;
  if (!fits(width, value * by)) by = BigInt(chance.between(1, 7));
  const exact = value * by;
  if (!fits(width, exact)) return constant(g, width, [value]);
  const room = absolute(by) - 1n;
  const rest = room <= 0n || site.tame ? 0n : chance.pick([0n, 0n, 0n, room, room / 2n, 1n]);
  const signed = exact < 0n || (exact === 0n && chance.is(0.3)) ? exact - rest : exact + rest;
  const dividend = fits(width, signed) ? signed : exact;
  const [hidden, plain] = chance.is(0.6) ? [dividend, by] : [by, dividend];
  const names = [disguised(site, hidden, width, depth), constant(g, width, [plain])];
  return g.builder.node('Div', hidden === dividend ? names : names.reverse());
}

function multiplied(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  if (site.tame) return factored(site, value, width, depth);
  const a = limit(g, width) | 1n;
  // a·(value/a) modulo 2^width is value; the plain product is far beyond the type.
  const b = wrapped(width, value * inverse(BigInt.asUintN(64, a)));
  const names = [disguised(site, a, width, depth), constant(g, width, [b])];
  return g.builder.node('Mul', g.chance.is(0.5) ? names : names.reverse());
}

/** A product of two divisors. */
function factored(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  const sign = g.chance.is(0.3) ? -1n : 1n;
  const factor = g.chance.pick([2n, 3n, 5n, 2n ** 20n, 2n ** 40n].filter((p) => value % p === 0n).concat(1n)) * sign;
  const names = [disguised(site, value / factor, width, depth), constant(g, width, [factor])];
  return fits(width, factor) && fits(width, value / factor)
    ? g.builder.node('Mul', g.chance.is(0.5) ? names : names.reverse())
    : constant(g, width, [value]);
}

/** One of several by Gather or Slice. */
function picked(site: Site, value: bigint, width: Width, depth: number): string {
  const { g } = site;
  const { chance } = g;
  const length = 2 + chance.below(3);
  const position = chance.below(length);
  let list: string;
  if (chance.is(0.5)) {
    const values = Array.from({ length }, (_, i) => (i === position ? value : limit(g, width)));
    list = constant(g, width, values);
  } else {
    const parts = Array.from({ length }, (_, i) =>
      i === position ? disguised(site, value, width, depth) : constant(g, width, [limit(g, width)]),
    );
    list = g.builder.node('Concat', parts, { axis: chance.pick([0, -1]) });
  }
  const index = chance.is(0.3) ? position - length : position;
  if (chance.is(0.6)) return g.builder.node('Gather', [list, g.int64([index])], chance.is(0.5) ? { axis: 0 } : {});
  const end = position + 1 === length ? chance.pick([length, 2n ** 31n - 1n, 2n ** 63n - 1n]) : position + 1;
  return g.builder.node('Slice', [list, g.int64([index]), g.int64([end])]);
}

/** Through Squeeze, Unsqueeze, Reshape, Identity. */
function carried(site: Site, value: bigint, width: Width, depth: number): string {
  const { builder, chance } = site.g;
  const inner = disguised(site, value, width, depth);
  const axes = builder.ints([0]);
  switch (chance.below(4)) {
    case 0:
      return builder.node('Unsqueeze', [builder.node('Squeeze', [inner, axes]), axes]);
    case 1:
      return builder.node('Reshape', [inner, builder.ints([chance.pick([1, -1])])]);
    case 2:
      return builder.node('Squeeze', [builder.node('Unsqueeze', [inner, axes]), axes]);
    default:
      return builder.node('Identity', [inner]);
  }
}

/** From a dimension of a tensor, times or under something. */
function fromShape(site: Site, value: bigint, width: Width, depth: number): string {
  const { g, shapes } = site;
  const { chance } = g;
  const x = chance.pick(shapes);
  const axis = 1 + chance.below(x.dims.length);
  const dim = BigInt(x.dims[axis - 1]!);
  const all = g.builder.node('Shape', [x.name], chance.is(0.2) ? { start: axis, end: axis + 1 } : {});
  const attributes = g.builder.nodes.at(-1)!.attributes;
  const index = attributes.size > 0 ? 0 : axis;
  let entry = g.builder.node('Gather', [all, g.int64([index])]);
  if (width === 32) entry = g.builder.node('Cast', [entry], { to: 6 });
  if (dim === value) return entry;
  if (dim % 2n === 1n && !site.tame && chance.is(0.5)) {
    const b = wrapped(width, value * inverse(dim));
    return g.builder.node('Mul', [entry, disguised(site, b, width, depth)]);
  }
  const rest = site.tame || chance.is(0.5) ? 0n : dim - 1n;
  const dividend = value < 0n ? value * dim - rest : value * dim + rest;
  if (!fits(width, dividend)) return constant(g, width, [value]);
  return g.builder.node('Div', [disguised(site, dividend, width, depth), entry]);
}

/** The name of a list of integers that is `values`. */
export function disguisedList(site: Site, values: readonly bigint[], width: Width): string {
  const { g } = site;
  const { chance } = g;
  if (values.length === 1) return disguised(site, values[0]!, width, 1 + chance.below(3));
  const kind = chance.below(6);
  if (kind === 0) return constant(g, width, values);
  if (kind === 1 && !site.tame) return elementwise(site, values, width);
  const parts = values.map((value) => disguised(site, value, width, chance.below(3)));
  return g.builder.node('Concat', parts, { axis: 0 });
}

/** All of a list at once, by a product or a quotient. */
function elementwise({ g }: Site, values: readonly bigint[], width: Width): string {
  const a = limit(g, width) | 1n;
  const product = values.map((value) => wrapped(width, value * inverse(BigInt.asUintN(64, a))));
  if (g.chance.is(0.5)) return g.builder.node('Mul', [constant(g, width, product), constant(g, width, [a])]);
  const by = g.chance.pick(values.every((value) => fits(width, value * limit64)) ? [limit64, 1n, -1n] : [1n, 2n]);
  return g.builder.node('Div', [
    constant(
      g,
      width,
      values.map((value) => value * by),
    ),
    constant(g, width, [by]),
  ]);
}

const limit64 = 2n ** 58n;

/** The name of [rows·N], N the batch size, from the shape of a tensor whose dimension 0 is N. */
export function disguisedBatch({ g, tame }: Site, x: Grown, rows: number): string {
  const { builder, chance } = g;
  let name = chance.is(0.5)
    ? builder.node('Shape', [x.name], { start: 0, end: 1 })
    : builder.node('Gather', [builder.node('Shape', [x.name]), g.int64([0])]);
  const times = (op: string, by: bigint): void => {
    name = builder.node(op, [name, constant(g, 64, [by])]);
  };
  if (chance.is(0.3)) {
    name = builder.node('Cast', [builder.node('Cast', [name], { to: 6 })], { to: 7 });
  }
  if (chance.is(0.4)) {
    const by = tame ? chance.pick([2n, -1n, 6n, 2n ** 30n]) : 2n ** chance.pick([1n, 31n, 40n, 60n]) + 1n;
    times('Mul', by * BigInt(rows));
    times('Div', by);
  } else if (rows > 1) times('Mul', BigInt(rows));
  return name;
}
