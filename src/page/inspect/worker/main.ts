/** The worker of one model that somebody opened: proves it, answers with it, and searches for perturbations. */
import { env } from 'onnxruntime-web/wasm';
import { TENSORS } from '../../../certify-runtime/trusted/file/names.ts';
import { GleanError, InputError } from '../../../certify-runtime/web.ts';
import { explanationLines } from '../../../evaluate/explain/lines.ts';
import { opinionLine } from '../../../evaluate/opinion.ts';
import { openTwin } from '../../../evaluate/stretch.ts';
import { typicalSlack } from '../../../evaluate/typical-slack.ts';
import { type Answer, answerOf } from '../../worker/answers.ts';
import { answerCalls, messageOf, turn } from '../../worker/calls.ts';
import type { Content } from '../../worker/content.ts';
import { startRuntime } from '../../worker/runtime.ts';
import { worstPerturbation } from '../../worker/worst.ts';
import { decodePicture } from './decode.ts';
import type { Calls, Explained, Labelled, Opened, Progress } from './protocol.ts';
import { type Proven, prove, RefusedError, WEB } from './prove.ts';

/** Inserted by the build. */
declare const __GLEAN_CONTENT__: Content;

/** Pixels in one call of the model, and the most pictures. */
const BATCH_PIXELS = 2 ** 20;
const BATCH = 64;
/** A search goes through the network hundreds of times; one that takes more multiply-adds than this is not begun. */
const MOST_WORK = 2e8;

let model: Proven | null = null;
/** Counts searches: a newer one ends an older one. */
let search = 0;

function opened(): Proven {
  if (model === null) throw new InputError('no model is open');
  return model;
}

async function close(): Promise<void> {
  search++;
  const former = model;
  model = null;
  await former?.certifier.dispose();
}

async function open(
  { file, name, choices }: Calls['open']['input'],
  onProgress: (progress: Progress) => void,
): Promise<Opened> {
  await close();
  const begin = performance.now();
  const proven = await prove(file, name, choices, onProgress);
  model = proven;
  const { certifier, opinion, sealed, bytes } = proven;
  const time = performance.now() - begin;
  const before = performance.now();
  await certifier.predict(new Uint8Array(certifier.imageSize));
  return {
    name,
    certificate: certifier.certificate,
    bytes: bytes.length,
    sha256: certifier.sha256,
    provider: certifier.provider,
    runtimeVersion: env.versions.web ?? env.versions.common,
    lipschitz: certifier.model.proven!.lipschitz,
    slack: typicalSlack(certifier.model),
    opinion,
    opinionLine: opinionLine(opinion),
    time,
    firstAnswer: performance.now() - before,
    sealed,
  };
}

async function explain(): Promise<Explained> {
  const explanation = await opened().explain();
  return { explanation, lines: explanationLines(explanation) };
}

async function vouch({ publicKey, signature }: Calls['vouch']['input']): Promise<string> {
  const { checkSignature, readPublicKey } = await import('../../../certify-runtime/signature/signature.ts');
  await checkSignature(opened().bytes, { publicKey, ...(signature === undefined ? {} : { signature }) });
  return (await readPublicKey(publicKey)).id;
}

async function label(
  { files }: Calls['label']['input'],
  onProgress: (progress: Progress) => void,
): Promise<readonly Labelled[]> {
  const { certifier } = opened();
  const { shape } = certifier.certificate.input;
  const most = Math.max(1, Math.min(BATCH, Math.floor(BATCH_PIXELS / certifier.imageSize)));
  const found: Labelled[] = [];
  for (let begin = 0; begin < files.length; begin += most) {
    const decoded = await Promise.all(
      files
        .slice(begin, begin + most)
        .map((file) => decodePicture(file, shape).catch((error) => ({ problem: messageOf(error) }))),
    );
    const images = decoded.filter((each) => each instanceof Uint8Array);
    const answers = images.length === 0 ? [] : (await certifier.predictBatch(images)).map(answerOf);
    found.push(...decoded.map((each) => (each instanceof Uint8Array ? answers.shift()! : each)));
    const share = Math.min(1, (begin + most) / files.length);
    onProgress({ text: `${found.length} of ${files.length} pictures`, share, until: share, within: 0 });
    await turn();
  }
  return found;
}

async function answer({ image }: Calls['answer']['input']): Promise<Answer> {
  return answerOf(await opened().certifier.predict(image));
}

class Superseded extends GleanError {
  constructor() {
    super('SUPERSEDED', 'another picture took its place');
  }
}

async function worst({ image }: Calls['worst']['input']): Promise<Calls['worst']['output']> {
  const own = ++search;
  const { certifier, bytes } = opened();
  const { shape } = certifier.certificate.input;
  const network = (await openTwin(bytes, shape, WEB)).network(TENSORS.logits);
  if (network === null) throw new GleanError('NO_GRADIENT', 'an operator of this model has no gradient here');
  if (network.work > MOST_WORK) {
    throw new GleanError('NO_GRADIENT', 'this model is too large for a search in the page; glean attack does it');
  }
  const answers = async (images: Float32Array): Promise<readonly Answer[]> =>
    (await certifier.predictBatch(images)).map(answerOf);
  return worstPerturbation(
    Float32Array.from(image, (byte) => byte / 255),
    network,
    shape,
    answers,
    async () => {
      await turn();
      if (own !== search) throw new Superseded();
    },
  );
}

answerCalls<Calls, Progress>(
  {
    start: async ({ base }) => {
      await startRuntime(__GLEAN_CONTENT__.wasm, base);
      return null;
    },
    open,
    explain,
    vouch,
    label,
    see: ({ file }) => decodePicture(file, opened().certifier.certificate.input.shape),
    answer,
    worst,
    file: async () => new Blob([opened().bytes as Uint8Array<ArrayBuffer>]),
  },
  (error) =>
    error instanceof RefusedError
      ? { code: error.refused.code, message: error.message, details: error.refused }
      : { code: error instanceof GleanError ? error.code : 'UNEXPECTED', message: messageOf(error) },
);
