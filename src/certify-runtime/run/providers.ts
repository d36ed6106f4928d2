/**
 * Execution providers: what each may be used for, and how one is opened. Their numerical contracts are in
 * docs/providers.md.
 */

import { ProviderError } from '../trusted/errors.ts';
import { checkArithmetic, probeModel } from './probe.ts';

/** The part of ONNX Runtime's JavaScript API used here; onnxruntime-node and onnxruntime-web both have it. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Record<string, unknown>): Promise<Session>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
}

export interface Session {
  run(feeds: Record<string, unknown>, fetches: readonly string[]): Promise<Record<string, { readonly data: unknown }>>;
  release(): Promise<void>;
}

export interface Provider {
  readonly name: string;
  /** Whether the radius is sound on it; if not, it runs only as `uncertified`. */
  readonly certified: boolean;
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

/** Checks products of integers that float32 computes exactly and TF32, bfloat16 and float16 do not. */
async function probe(runtime: OnnxRuntime, provider: Provider): Promise<void> {
  const session = await createSession(runtime, probeModel(), provider);
  try {
    await checkArithmetic(async (a, b, [m, k, n]) => {
      const { y } = await session.run(
        { a: new runtime.Tensor('float32', a, [m, k]), b: new runtime.Tensor('float32', b, [k, n]) },
        ['y'],
      );
      return y!.data as Float32Array;
    });
  } finally {
    await session.release();
  }
}

/**
 * A session of this network on this provider, opened after its arithmetic was checked.
 *
 * @throws ProviderError if it is absent, no radius holds on it, or it does not compute in float32
 */
export async function openProvider(
  runtime: OnnxRuntime,
  network: Uint8Array,
  provider: Provider,
  options: {
    readonly uncertified: boolean;
    readonly operators: ReadonlySet<string>;
    readonly threads?: number | undefined;
  },
): Promise<Session> {
  const { name, certified, refusedOperators = [] } = provider;
  if (!options.uncertified) {
    if (!certified) {
      throw new ProviderError(
        `no radius is proven for provider '${name}'; with the option uncertified: true it predicts without one`,
        { provider: name },
      );
    }
    const refused = refusedOperators.find((op) => options.operators.has(op));
    if (refused !== undefined) {
      throw new ProviderError(
        `provider '${name}' may compute ${refused} by a scheme that nothing is proven about (Winograd, FFT)`,
        { provider: name, operator: refused },
      );
    }
  }
  provider.prepare?.();
  if (!options.uncertified) await probe(runtime, provider);
  return createSession(runtime, network, provider, options.threads);
}
