/** Assumption A7 on the providers that are certified, and the probe that looks for one that breaks it. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import * as wasm from 'onnxruntime-web';
import { checkForm, excess, FORMS, formModel } from '../../src/certify-runtime/run/functions/check.ts';
import type { FunctionForm } from '../../src/certify-runtime/run/functions/forms.ts';
import * as native from '../../src/certify-runtime/run/onnx-runtime.ts';
import { FUNCTIONS, type OnnxRuntime, openProvider } from '../../src/certify-runtime/run/providers.ts';
import { ProviderError } from '../../src/certify-runtime/trusted/errors.ts';
import { RULES } from '../../src/certify-runtime/trusted/rules/table.ts';
import { elu, PLAIN } from '../support/reference/functions.ts';

const RUNTIMES = { cpu: native, wasm } as unknown as Readonly<Record<'cpu' | 'wasm', OnnxRuntime>>;

/** The runtime's values of a form, after `change`. */
async function computing(name: 'cpu' | 'wasm', form: FunctionForm, change = (y: Float32Array): Float32Array => y) {
  const runtime = RUNTIMES[name];
  const session = await runtime.InferenceSession.create(formModel(form), {
    executionProviders: [name],
    logSeverityLevel: 4,
  });
  return async (x: Float32Array): Promise<Float32Array> => {
    const { y } = await session.run({ x: new runtime.Tensor('float32', x, [1, 1, x.length]) }, ['y']);
    return change(y!.data as Float32Array);
  };
}

describe('assumption A7', () => {
  for (const name of ['cpu', 'wasm'] as const) {
    it(`holds on ${name} for every form`, async () => {
      for (const form of FORMS) await checkForm(form, await computing(name, form));
    });
  }

  it('is compared with the functions that they are, by other formulas', () => {
    for (const { name, of, scalar } of FORMS) {
      const other = name === 'Elu(x)' ? (v: number) => elu(v, 1) : name === `${of}(x)` ? PLAIN[of] : undefined;
      for (let v = -9; other !== undefined && v < 9; v += 0.37) {
        const [value, expected] = [scalar.value(v), other(v)];
        assert.ok(Math.abs(value - expected) <= 1e-11 * Math.max(1, Math.abs(expected)), `${name} of ${v}: ${value}`);
      }
    }
  });

  it('is about every operator that needs it, and no other', async () => {
    const ops = new Set(FORMS.flatMap(({ operators }) => operators));
    for (const op of ['Add', 'Div', 'Mul']) ops.delete(op);
    assert.deepEqual([...ops].toSorted(), [...FUNCTIONS].toSorted());
    assert.ok(FUNCTIONS.every((op) => RULES.has(op)));
  });

  it('held for all inputs that were measured, with a margin', async () => {
    const { measured } = JSON.parse(await readFile(new URL('../../docs/functions.json', import.meta.url), 'utf8'));
    for (const { name } of FORMS) {
      const own = measured.filter((each: { form: string }) => each.form === name);
      assert.ok(own.length >= 9, `${name} was not measured in every way`);
      for (const { ratio } of own) assert.ok(ratio <= 0.5, `${name}: ${ratio}`);
    }
    assert.ok(measured.some((each: { inputs: number }) => each.inputs > 6e8));
  });
});

describe('the probe of functions', () => {
  const form = (name: string) => FORMS.find((each) => each.name === name)!;

  it('finds approximations, values that are not finite, and one wrong value', async () => {
    const rejects = async (name: string, change: (y: Float32Array) => Float32Array) =>
      assert.rejects(checkForm(form(name), await computing('cpu', form(name), change)), ProviderError);
    await rejects('Sigmoid(x)', (y) => y.map((v) => v + 1.2e-6));
    await rejects('Tanh(x)', (y) => y.map((v) => v * (1 + 2e-6)));
    await rejects('x·Sigmoid(x)', (y) => y.map((v) => v * (1 + 4e-6)));
    await rejects('Elu(x)', (y) => y.with(y.length - 7, Number.NaN));
    await rejects('Softplus(x)', (y) => y.with(12, Number.POSITIVE_INFINITY));
    // What GELU becomes where it is approximated by tanh.
    const gelu = form('0.5·(x·(1 + Erf(x/√2)))');
    const approximate = async (x: Float32Array) =>
      x.map((v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))));
    await assert.rejects(checkForm(gelu, approximate), /further off than a radius allows for/);
  });

  it('allows a flush to zero, and no more where a function vanishes', () => {
    assert.ok(excess(form('Tanh(x)'), 2 ** -127, 0, 2 ** -127) <= 1);
    assert.ok(excess(form('Tanh(x)'), 2 ** -100, 0, 2 ** -100) > 1);
    assert.ok(excess(form('Erf(x)'), 5, 1 + 2 ** -19, 1) > 1);
  });

  it('refuses a provider only for a network with such functions', async () => {
    const off: OnnxRuntime = {
      Tensor: RUNTIMES.cpu.Tensor,
      InferenceSession: {
        create: async (bytes, options) => {
          const session = await RUNTIMES.cpu.InferenceSession.create(bytes, options);
          return {
            release: () => session.release(),
            run: async (feeds, fetches) => {
              const results = await session.run(feeds, fetches);
              if (!('x' in feeds)) return results;
              return { y: { data: (results['y']!.data as Float32Array).map((v) => v * 1.0001) } };
            },
          };
        },
      },
    };
    const open = (...operators: string[]) =>
      openProvider(
        off,
        formModel(form('Sigmoid(x)')),
        { name: 'cpu', certified: true },
        { uncertified: false, operators: new Set(operators), precision: 'float32' },
      );
    await (await open('Conv', 'Relu', 'Mul')).release();
    for (const op of FUNCTIONS) await assert.rejects(open('Conv', op), ProviderError);
  });
});
