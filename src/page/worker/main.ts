/**
 * The worker: runs both certifiers, the search for perturbations and the large files, away from the thread that draws.
 */

import { type DifferentiableNetwork, differentiate } from '../../certify-runtime/gradient/network.ts';
import { GleanError } from '../../certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { readOnnx } from '../../certify-runtime/trusted/onnx/read.ts';
import { Certifier } from '../../certify-runtime/web.ts';
import { IMAGE_SIZE } from '../digit/colour.ts';
import { type Answer, answerOf } from './answers.ts';
import { answerCalls, messageOf, turn } from './calls.ts';
import { type Content, fetchContent, filesOf, unpack } from './content.ts';
import type { Calls, ModelAnswers, ModelFacts, Started } from './protocol.ts';
import { startRuntime, THREADS } from './runtime.ts';
import { worstPerturbation } from './worst.ts';

/** Inserted by the build. */
declare const __GLEAN_CONTENT__: Content;

interface Model {
  readonly bytes: Uint8Array;
  readonly certifier: Certifier;
  readonly facts: ModelFacts;
  /** Undefined until a search needs it; null if no gradient of the graph is known. */
  network?: DifferentiableNetwork | null;
}

const BATCH = 128;
/** One seed for all pictures, so that the same picture gets the same certificate whenever it is drawn. */
const SMOOTHING_SEED = 2020;

/** The models that are proven. */
const models: Model[] = [];
let files: readonly ReturnType<typeof fetchContent>[] = [];

async function loadModel(content: Content['models'][number], fetched: ReturnType<typeof fetchContent>): Promise<Model> {
  const { id, title, file, signature, publicKey } = content;
  const { bytes, origin } = await fetched;
  const begin = performance.now();
  const signed = signature !== undefined && publicKey !== undefined;
  const certifier = await Certifier.load(bytes, signed ? { signature, publicKey } : {});
  const facts: ModelFacts = {
    id,
    title,
    certificate: certifier.certificate,
    sha256: certifier.sha256,
    bytes: file.bytes,
    origin,
    provider: certifier.provider,
    proofTime: performance.now() - begin,
    signature: signed ? 'checked' : 'none',
  };
  return { certifier, facts, bytes };
}

async function start({ base }: Calls['start']['input']): Promise<Started> {
  const content = __GLEAN_CONTENT__;
  files = content.models.map(({ file }) => fetchContent(file, base));
  // They are awaited by `prove`; the failure of one must not be an unhandled rejection before that.
  for (const file of files) file.catch(() => {});
  const { version, origin } = await startRuntime(content.wasm, base);
  return {
    threads: THREADS,
    isolated: globalThis.crossOriginIsolated,
    runtimeVersion: version,
    runtimeOrigin: origin,
  };
}

async function prove({ model }: Calls['prove']['input']): Promise<ModelFacts> {
  const loaded = await loadModel(__GLEAN_CONTENT__.models[model]!, files[model]!);
  models.push(loaded);
  return loaded.facts;
}

async function predict({ images, smooth }: Calls['predict']['input']): Promise<Calls['predict']['output']> {
  const all: ModelAnswers[] = [];
  for (const { certifier } of models) {
    const answers = (await certifier.predictBatch(images)).map(answerOf);
    all.push({ answers, smoothed: smooth ? await certifier.smooth(images[0]!, { seed: SMOOTHING_SEED }) : undefined });
  }
  return all;
}

class Superseded extends GleanError {
  constructor() {
    super('SUPERSEDED', 'another picture took its place');
  }
}

let search = 0;

async function worst({ model, image }: Calls['worst']['input']): Promise<Calls['worst']['output']> {
  const own = ++search;
  const chosen = models[model]!;
  if (chosen.network === undefined) {
    chosen.network = differentiate(readOnnx(chosen.bytes).graph, TENSORS.image, TENSORS.logits);
  }
  const { certifier, network } = chosen;
  if (network === null) throw new GleanError('NO_GRADIENT', 'no gradient of this model is known');
  const answer = async (images: Float32Array): Promise<readonly Answer[]> =>
    (await certifier.predictBatch(images)).map(answerOf);
  const pixels = Float32Array.from(image, (byte) => byte / 255);
  return worstPerturbation(pixels, network, certifier.certificate.input.shape, answer, async () => {
    await turn();
    if (own !== search) throw new Superseded();
  });
}

async function batch(
  { images }: Calls['batch']['input'],
  onProgress: (share: number) => void,
): Promise<Calls['batch']['output']> {
  const answers: Answer[][] = models.map(() => []);
  for (let begin = 0; begin < images.length; begin += BATCH * IMAGE_SIZE) {
    const part = images.subarray(begin, begin + BATCH * IMAGE_SIZE);
    for (const [m, { certifier }] of models.entries()) {
      answers[m]!.push(...(await certifier.predictBatch(part)).map(answerOf));
    }
    onProgress((begin + part.length) / images.length);
    await turn();
  }
  return answers;
}

async function digits({ base }: Calls['digits']['input']): Promise<Uint8Array> {
  return unpack((await fetchContent(__GLEAN_CONTENT__.digits, base)).bytes);
}

async function keep({ base }: Calls['keep']['input']): Promise<null> {
  for (const file of filesOf(__GLEAN_CONTENT__)) await fetchContent(file, base);
  return null;
}

answerCalls<Calls, number>({ start, prove, predict, worst, batch, digits, keep }, (error) => ({
  code: error instanceof GleanError ? error.code : 'UNEXPECTED',
  message: messageOf(error),
}));
