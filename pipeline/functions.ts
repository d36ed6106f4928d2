/**
 * Measures assumption A7: how far the scalar functions of ONNX Runtime are from float64, in every form in which it
 * computes them, over all float32 inputs that matter:
 *
 *     node --import tsx pipeline/functions.ts [--only NAME] [--quick] [--out FILE]
 *
 * Of every function on the CPU, optimised, every float32 with 2⁻³⁰ ≤ |v| < 2⁸ is tried, and one in 997 of the others up
 * to 2¹²⁴; in WebAssembly, without optimisation, with other constants, in another spelling, and after a layer that may
 * be fused with the function, one in 101 and one in 9973. With --quick it is one in 10 007 everywhere.
 * It writes JSON with the worst input of each form. Exit 0: all within A7; 1: some are not; 2: wrong use.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { excess, LARGEST_EXPONENT } from '../src/certify-runtime/run/functions/check.ts';
import {
  type Before,
  BIASES,
  CHANNELS,
  FORMS,
  type FunctionForm,
  formModel,
} from '../src/certify-runtime/run/functions/forms.ts';
import * as native from '../src/certify-runtime/run/onnx-runtime.ts';

type Runtime = typeof native;

const { values: given } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, out: { type: 'string' } },
});
const wasm = (await import('onnxruntime-web')) as unknown as Runtime;

interface Way {
  readonly provider: 'cpu' | 'wasm';
  readonly level: 'disabled' | 'all';
  readonly before: Before;
}

const WAYS: readonly Way[] = [
  { provider: 'cpu', level: 'disabled', before: 'nothing' },
  { provider: 'cpu', level: 'all', before: 'nothing' },
  { provider: 'cpu', level: 'all', before: 'Conv' },
  { provider: 'cpu', level: 'all', before: 'Gemm' },
  { provider: 'cpu', level: 'all', before: 'bias' },
  { provider: 'wasm', level: 'disabled', before: 'nothing' },
  { provider: 'wasm', level: 'all', before: 'nothing' },
  { provider: 'wasm', level: 'all', before: 'Conv' },
  { provider: 'wasm', level: 'all', before: 'Gemm' },
];

/** Values that are run at once: a multiple of CHANNELS, with a rest that no vector register holds. */
const CHUNK = CHANNELS * 16_387;

/** The bit patterns of positive floats: all from 2⁻³⁰ to 2⁸, `step` apart, and of the others `rest` apart. */
function* patterns(step: number, rest: number): Generator<number> {
  const bits = (exponent: number) => (exponent + 127) * 2 ** 23;
  const [dense, end] = [bits(-30), bits(8)];
  for (let i = 0; i < dense; i += rest) yield i;
  for (let i = dense; i < end; i += step) yield i;
  for (let i = end; i <= bits(LARGEST_EXPONENT); i += rest) yield i;
}

function* chunks(step: number, rest: number): Generator<Float32Array> {
  let words = new Uint32Array(CHUNK);
  let filled = 0;
  for (const pattern of patterns(step, rest)) {
    words[filled++] = pattern;
    words[filled++] = pattern + 2 ** 31;
    if (filled < CHUNK) continue;
    yield new Float32Array(words.buffer);
    words = new Uint32Array(CHUNK);
    filled = 0;
  }
  yield new Float32Array(words.buffer);
}

/** The shape of the values, as it suits what comes before the function. */
const SHAPES: Readonly<Record<Before, readonly number[]>> = {
  nothing: [1, 1, CHUNK],
  Conv: [1, CHANNELS, CHUNK / CHANNELS, 1],
  Gemm: [CHUNK / CHANNELS, CHANNELS],
  bias: [CHUNK / CHANNELS, CHANNELS],
};

async function open(form: FunctionForm, { provider, level, before }: Way) {
  const runtime = provider === 'cpu' ? native : wasm;
  const session = await runtime.InferenceSession.create(formModel(form, before), {
    executionProviders: [provider],
    graphOptimizationLevel: level,
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  const input = before === 'nothing' ? 'x' : 'image';
  return async (values: Float32Array): Promise<Float32Array> => {
    const { y } = await session.run({ [input]: new runtime.Tensor('float32', values, [...SHAPES[before]]) });
    return y!.data as Float32Array;
  };
}

interface Measured extends Way {
  readonly form: string;
  readonly of: string;
  readonly inputs: number;
  /** The largest error over what A7 allows, and where it is. */
  readonly ratio: number;
  readonly input: number;
  readonly found: number;
  readonly expected: number;
}

async function measure(form: FunctionForm, way: Way): Promise<Measured> {
  const isFirst = FORMS.find(({ of }) => of === form.of) === form;
  const full = isFirst && way.provider === 'cpu' && way.level === 'all' && way.before === 'nothing';
  const [step, rest] = given.quick ? [10_007, 100_003] : full ? [1, 997] : [101, 9973];
  const compute = await open(form, way);
  let worst = { ratio: 0, input: 0, found: 0, expected: 0 };
  let inputs = 0;
  for (const x of chunks(step, rest)) {
    const y = await compute(x);
    inputs += x.length;
    for (let i = 0; i < x.length; i++) {
      const v = way.before === 'bias' ? Math.fround(x[i]! + BIASES[i % CHANNELS]!) : x[i]!;
      const expected = form.scalar.value(v);
      const ratio = excess(form, v, y[i]!, expected);
      if (ratio > worst.ratio) worst = { ratio, input: v, found: y[i]!, expected };
    }
  }
  return { form: form.name, of: form.of, ...way, inputs, ...worst };
}

/** What the function gives at the ends of the float32 range, which no proof relies on. */
async function ends(form: FunctionForm): Promise<Record<string, string>> {
  const values = new Float32Array(CHUNK);
  const inputs = [Number.NEGATIVE_INFINITY, -3.4028234663852886e38, -0, 3.4028234663852886e38, Infinity, Number.NaN];
  values.set(inputs);
  const y = await (await open(form, WAYS[1]!))(values);
  return Object.fromEntries(inputs.map((input, i) => [Object.is(input, -0) ? '-0' : `${input}`, `${y[i]}`]));
}

async function versionOf(name: string): Promise<string> {
  return JSON.parse(await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

const forms = FORMS.filter(({ name }) => given.only === undefined || name.includes(given.only));
if (forms.length === 0) {
  console.error(`--only ${given.only}: no form of this name`);
  process.exit(2);
}
const measured: Measured[] = [];
const specials: Record<string, Record<string, string>> = {};
for (const form of forms) {
  specials[form.name] = await ends(form);
  for (const way of WAYS) {
    const start = performance.now();
    const result = await measure(form, way);
    measured.push(result);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${form.name.padEnd(32)} ${way.provider} ${way.level} after ${way.before}: ${result.ratio.toFixed(3)} of A7 at ${result.input} (${result.inputs} inputs, ${seconds} s)`,
    );
  }
}
const flags = /^flags\s*: (.*)$/m.exec(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''))?.[1] ?? '';
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cpu: cpus()[0]?.model,
    features: flags.split(' ').filter((flag) => /^(fma|avx|sse4)/.test(flag)),
    'onnxruntime-node': await versionOf('onnxruntime-node'),
    'onnxruntime-web': await versionOf('onnxruntime-web'),
  },
  measured,
  ends: specials,
};
if (given.out !== undefined) await writeFile(given.out, `${JSON.stringify(report, null, 1)}\n`);
process.exit(measured.every(({ ratio }) => ratio <= 1) ? 0 : 1);
