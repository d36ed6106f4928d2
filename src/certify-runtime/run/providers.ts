/**
 * Execution providers: what each may be used for, and how one is opened. Their numerical contracts are in
 * docs/providers.md.
 */

import type { Floats, Precision } from '../trusted/bounds/precision.ts';
import { ProviderError } from '../trusted/errors.ts';
import { checkArithmetic, probeModel } from './probe.ts';

/** The operators of the functions that assumption A7 is about. */
export const FUNCTIONS: readonly string[] = [
  ...['Celu', 'Elu', 'Erf', 'HardSigmoid', 'HardSwish', 'Mish', 'Selu', 'Sigmoid', 'Softplus', 'Softsign', 'Tanh'],
];

/** The part of ONNX Runtime's JavaScript API used here; onnxruntime-node and onnxruntime-web both have it. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Record<string, unknown>): Promise<Session>;
  };
  readonly Tensor: new (type: Precision, data: Floats, dims: readonly number[]) => unknown;
}

export interface Session {
  run(feeds: Record<string, unknown>, fetches: readonly string[]): Promise<Record<string, { readonly data: unknown }>>;
  release(): Promise<void>;
}

export interface Provider {
  readonly name: string;
  /** Whether the radius is sound on it; if not, it runs only as `uncertified`. */
  readonly certified: boolean;
  /** Whether that is known of float64 networks too. */
  readonly float64?: boolean;
  /** Operators that it may compute by a scheme outside docs/soundness.md, section 1. */
  readonly refusedOperators?: readonly string[];
  /** Runs before its first session; throws ProviderError if the provider cannot be used here. */
  readonly prepare?: () => void;
}

/**
 * The providers that an entry point (node.ts, web.ts) knows, by ONNX Runtime's names for them. A new provider needs an
 * entry in that table, and its numerical contract in docs/providers.md if it is certified.
 */
export type ProviderTable = Readonly<Record<string, Omit<Provider, 'name'>>>;

/** The providers of these names, in their order; no radius holds on one that is not in the table. */
export function providersNamed(table: ProviderTable, names: string | readonly string[]): readonly Provider[] {
  return [names]
    .flat()
    .map((name) => ({ name, ...(Object.hasOwn(table, name) ? table[name]! : { certified: false }) }));
}

/** Only errors are logged, and they are thrown as well. */
const SESSION = { logSeverityLevel: 3 };

async function createSession(
  runtime: OnnxRuntime,
  bytes: Uint8Array,
  provider: Provider,
  threads?: number,
): Promise<Session> {
  try {
    return await runtime.InferenceSession.create(bytes, {
      ...SESSION,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: threads }),
      executionProviders: [provider.name],
    });
  } catch (cause) {
    throw new ProviderError(
      `provider '${provider.name}' is not available here, or cannot load the model: ${cause instanceof Error ? cause.message : cause}`,
      { provider: provider.name },
      { cause },
    );
  }
}

/** Checks products of integers that `precision` computes exactly and a narrower type does not. */
async function probe(runtime: OnnxRuntime, provider: Provider, precision: Precision): Promise<void> {
  const session = await createSession(runtime, probeModel(precision), provider);
  try {
    await checkArithmetic(async (a, b, [m, k, n]) => {
      const { y } = await session.run(
        { a: new runtime.Tensor(precision, a, [m, k]), b: new runtime.Tensor(precision, b, [k, n]) },
        ['y'],
      );
      return y!.data as Floats;
    }, precision);
  } finally {
    await session.release();
  }
}

/** Checks the scalar functions that a network of these operators has. */
async function probeFunctions(runtime: OnnxRuntime, provider: Provider, operators: ReadonlySet<string>): Promise<void> {
  if (!FUNCTIONS.some((op) => operators.has(op))) return;
  const { checkForm, FORMS, formModel } = await import('./functions/check.ts');
  for (const form of FORMS.filter((each) => each.operators.every((op) => operators.has(op)))) {
    const session = await createSession(runtime, formModel(form), provider);
    try {
      await checkForm(form, async (x) => {
        const { y } = await session.run({ x: new runtime.Tensor('float32', x, [1, 1, x.length]) }, ['y']);
        return y!.data as Float32Array;
      });
    } finally {
      await session.release();
    }
  }
}

/**
 * A session of this network on this provider, opened after its arithmetic was checked.
 *
 * @throws ProviderError if it is absent, no radius holds on it, or it computes in less than float32 or float64
 */
export async function openProvider(
  runtime: OnnxRuntime,
  network: Uint8Array,
  provider: Provider,
  options: {
    readonly uncertified: boolean;
    readonly operators: ReadonlySet<string>;
    readonly precision: Precision;
    readonly threads?: number | undefined;
  },
): Promise<Session> {
  const { name, certified, float64 = false, refusedOperators = [] } = provider;
  const { precision } = options;
  if (!options.uncertified) {
    if (!certified) {
      throw new ProviderError(
        `no radius is proven for provider '${name}'; with the option uncertified: true it predicts without one`,
        { provider: name },
      );
    }
    if (precision === 'float64' && !float64) {
      throw new ProviderError(
        `no radius is proven for a float64 network on provider '${name}'; use 'cpu', or a float32 file`,
        { provider: name, precision },
      );
    }
    const refused = refusedOperators.find((op) => options.operators.has(op));
    if (refused !== undefined) {
      throw new ProviderError(
        `provider '${name}' may compute ${refused} in a way that nothing is proven about (Winograd, FFT, or functions that nobody has measured); use 'cpu'`,
        { provider: name, operator: refused },
      );
    }
  }
  provider.prepare?.();
  if (!options.uncertified) {
    await probe(runtime, provider, 'float32');
    if (precision === 'float64') await probe(runtime, provider, 'float64');
    await probeFunctions(runtime, provider, options.operators);
  }
  return createSession(runtime, network, provider, options.threads);
}
