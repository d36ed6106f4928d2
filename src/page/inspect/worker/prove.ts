/** Proves a file in the browser, as `glean verify` and `glean seal` do in Node, and tells how far it is. */
import * as ort from 'onnxruntime-web/wasm';
import type { SecondOpinion } from '../../../certify-runtime/run/loaded-model.ts';
import type { OnnxRuntime } from '../../../certify-runtime/run/providers.ts';
import { CERTIFICATE_KEY } from '../../../certify-runtime/trusted/file/claims.ts';
import { HEAD_PREFIX } from '../../../certify-runtime/trusted/file/names.ts';
import { readSealed } from '../../../certify-runtime/trusted/file/sealed.ts';
import type { VerifiedModel } from '../../../certify-runtime/trusted/verify.ts';
import { Certifier, GleanError, InputError } from '../../../certify-runtime/web.ts';
import { type Explanation, explanationOf, type Walked, walk } from '../../../evaluate/explain/explanation.ts';
import { readRaw } from '../../../export/foreign/onnx/raw.ts';
import { answersOn, type Library, measureOn } from '../../../export/onnx-runtime/library.ts';
import { runGraphOn } from '../../../export/onnx-runtime/run-graph.ts';
import { refusalOf } from '../../../export/refusal/refusal.ts';
import type { WatchedNode } from '../../../export/seal/watched-rules.ts';
import type { LookedAt, Progress, Refused, SealChoices } from './protocol.ts';

/** Inserted by the build: the version of glean. */
declare const __GLEAN_VERSION__: string;

export const WEB: Library = { runtime: ort as unknown as OnnxRuntime, provider: 'wasm' };

/** A file takes several times its size while it is proven, and a browser's WASM has 4 GiB. */
const MAX_MODEL_BYTES = 100_000_000;

/** The smallest time between two reports, in milliseconds. */
const REPORT = 50;

export interface Proven {
  readonly bytes: Uint8Array;
  readonly certifier: Certifier;
  readonly opinion: SecondOpinion;
  readonly sealed: { readonly notes: readonly string[]; readonly deviation: number } | null;
  /** Measures each layer, which proves nothing and takes longer than the rest. */
  explain(): Promise<Explanation>;
}

/** A refusal with the nodes that were looked at. */
export class RefusedError extends Error {
  readonly refused: Refused;

  constructor(refused: Refused, cause: unknown) {
    super(refused.message, { cause });
    this.refused = refused;
  }
}

/** Reports a proof: its steps, each with a share of the whole, and the nodes within a step. */
class Report {
  readonly nodes: WatchedNode[] = [];
  readonly #post: (progress: Progress) => void;
  #text = '';
  #share = 0;
  #until = 0;
  #last = 0;

  constructor(post: (progress: Progress) => void) {
    this.#post = post;
  }

  /** Begins a step that ends at the share `until`; `within` milliseconds if nothing is heard of it in between. */
  step(text: string, until: number, within = 0): void {
    [this.#text, this.#share, this.#until] = [text, this.#until, until];
    this.#last = performance.now();
    this.#post({ text, share: this.#share, until, within });
  }

  done(count: number, of: number, text = this.#text): void {
    if (performance.now() - this.#last < REPORT) return;
    this.#last = performance.now();
    const share = this.#share + (this.#until - this.#share) * Math.min(1, count / Math.max(1, of));
    this.#post({ text, share, until: share, within: 0 });
  }

  /** What the walk tells about each node, of about `of`. */
  node(of: number): (node: WatchedNode) => void {
    this.nodes.length = 0;
    return (node) => {
      this.nodes.push(node);
      this.done(this.nodes.length, of, `Proving ${node.op} ${node.name} (${this.nodes.length} of ${of})`);
    };
  }
}

/** The nodes that an error is about: those without a rule and the others, or those that were proven before it. */
function lookedAt({ details }: GleanError, proven: readonly WatchedNode[]): readonly LookedAt[] {
  const listed = details['nodes'] as readonly { op: string; name: string; missing: boolean }[] | undefined;
  return (
    listed?.map(({ op, name, missing }) => ({
      op,
      name,
      says: missing ? 'has no rule' : 'has a rule',
      refused: missing,
    })) ??
    proven.map(({ op, name, upper }) => ({
      op,
      name,
      says: upper === null ? 'refused here' : `≤ ${upper}`,
      refused: upper === null,
    }))
  );
}

/** Whether the file says that it is sealed; false if it cannot be read. */
function saysSealed(bytes: Uint8Array): boolean {
  try {
    return readRaw(bytes).metadata.has(CERTIFICATE_KEY);
  } catch {
    return false;
  }
}

/** Runs `step` and gives its duration with what it gave. */
async function timed<T>(step: () => Promise<T>): Promise<readonly [T, number]> {
  const begin = performance.now();
  const result = await step();
  return [result, performance.now() - begin];
}

async function proveSealed(bytes: Uint8Array, report: Report, from: number): Promise<Omit<Proven, 'sealed'>> {
  const at = (share: number): number => from + (1 - from) * share;
  report.step('Reading the file', at(0.05), 500);
  const sealed = await readSealed(bytes);
  report.step('Proving', at(0.5));
  const size = sealed.graph.nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX)).length;
  const [walked, duration] = await timed(() => walk(bytes, sealed, report.node(size)));
  let kept: Walked | undefined = walked;
  report.step(
    'Checking every claim of the file against what is proven, and running its known answers',
    at(0.8),
    duration + 300,
  );
  const certifier = await Certifier.load(bytes);
  try {
    report.step('Second opinion: measuring what was proven', at(1), 2000);
    // Nothing but the proof's own numbers is used of it, and those are there: the file was not loaded by a signature.
    const opinion = await measureOn(WEB)(bytes, certifier.model as VerifiedModel);
    return {
      bytes,
      certifier,
      opinion,
      explain() {
        // What the walk found holds a copy of the weights.
        const given = kept;
        kept = undefined;
        return explanationOf(bytes, sealed, { library: WEB, ...(given === undefined ? {} : { walked: given }) });
      },
    };
  } catch (error) {
    await certifier.dispose();
    throw error;
  }
}

async function sealHere(bytes: Uint8Array, name: string, choices: SealChoices, report: Report) {
  report.step('Reading the file, and bringing it into the form that is sealed', 0.1, 2000);
  // Most files are sealed already, and what seals is as large as what proves.
  const { sealOriginalWith } = await import('../../../export/seal/seal-original-with.ts');
  const raw = readRaw(bytes);
  let began = false;
  const [sealed, duration] = await timed(() => {
    const onNode = report.node(raw.graph.nodes.length);
    return sealOriginalWith(bytes, {
      ...choices,
      source: name,
      producerVersion: __GLEAN_VERSION__,
      run: answersOn(WEB),
      runGraph: runGraphOn(WEB),
      onNode: (node) => {
        if (!began) report.step('Proving', 0.4);
        began = true;
        onNode(node);
      },
    });
  });
  report.step('Sealed', 0.5, duration);
  return sealed;
}

/**
 * Proves a file: a sealed one as it is, any other once it has been sealed here.
 *
 * @throws RefusedError with the command's reason and remedy
 */
export async function prove(
  file: Blob,
  name: string,
  choices: SealChoices,
  post: (progress: Progress) => void,
): Promise<Proven> {
  const report = new Report(post);
  let sealed = false;
  try {
    if (file.size > MAX_MODEL_BYTES) {
      throw new InputError(
        `${(file.size / 1e6).toFixed(0)} MB, at most ${MAX_MODEL_BYTES / 1e6} MB are proven in a browser; use glean verify or glean seal`,
      );
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    sealed = saysSealed(bytes);
    if (sealed) return { ...(await proveSealed(bytes, report, 0)), sealed: null };
    const { bytes: written, prepared, deviation } = await sealHere(bytes, name, choices, report);
    return { ...(await proveSealed(written, report, 0.5)), sealed: { notes: prepared.notes, deviation } };
  } catch (cause) {
    if (!(cause instanceof GleanError)) throw cause;
    throw new RefusedError({ ...refusalOf(cause, name), sealed, nodes: lookedAt(cause, report.nodes) }, cause);
  }
}
