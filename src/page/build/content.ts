/**
 * What the page needs besides its code, as files named by their SHA-256: models, ONNX Runtime's WASM, and test digits.
 */
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readDigits } from '../../train/data/readers/digit-source.ts';
import { loadColouredMnist } from '../../train/data/sets/coloured-mnist.ts';
import { AREA, greyOf } from '../digit/colour.ts';
import type { Content, ContentFile, ModelContent } from '../worker/content.ts';
import { installedFiles } from './installed.ts';

const PROJECT = new URL('../../../', import.meta.url);

const MODELS = [
  { id: 'cmnist', title: 'Invariant model' },
  { id: 'cmnist-erm', title: 'Ordinary model (ERM)' },
] as const;

/** Models that the page for anybody's model offers to begin with, as far as there are any. */
const EXAMPLES = [
  { id: 'avatars', title: 'Avatars: smiling or not' },
  { id: 'avatars-erm', title: 'Avatars, ordinary model (ERM)' },
] as const;

export interface BuiltContent {
  readonly index: Content;
  /** By path, relative to the page. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What an installed page needs: its manifest and its icons. */
  readonly installed: ReadonlyMap<string, string | Uint8Array>;
  /**
   * A few digits of each kind, kept in the code itself so that there is something to answer about before anything is
   * drawn; base64.
   */
  readonly samples: string;
}

const RECORD = AREA + 3;
const SAMPLES_PER_DIGIT = 4;

/**
 * The test domain, digit by digit: 784 grey bytes, then label (0, 1), colour (0 red, 1 green), digit (0–9). The
 * pictures are grey because the page colours them anew.
 */
async function testDigits(): Promise<Uint8Array> {
  const [{ test }, { images }] = await Promise.all([loadColouredMnist(), readDigits('mnist')]);
  const digitOf = new Map(Array.from(images.index, (source, i) => [source, images.labels[i]!] as const));
  const bytes = new Uint8Array(test.size * RECORD);
  for (let i = 0; i < test.size; i++) {
    bytes.set(greyOf(test.read([i])), i * RECORD);
    bytes.set([test.labels[i]!, test.attribute[i]!, digitOf.get(test.source[i]!)!], i * RECORD + AREA);
  }
  return bytes;
}

/** The first pictures of each digit among those records, digit by digit. */
function samplesOf(records: Uint8Array): string {
  const all = Array.from({ length: records.length / RECORD }, (_, i) => records.subarray(i * RECORD, (i + 1) * RECORD));
  const chosen = Array.from({ length: 10 }, (_, digit) =>
    all.filter((record) => record[AREA + 2] === digit).slice(0, SAMPLES_PER_DIGIT),
  );
  return Buffer.concat(chosen.flat().map((record) => record.subarray(0, AREA))).toString('base64');
}

/**
 * The text of a file beside a model, `model.onnx.sig` or the key that it is checked against; undefined if there is
 * none.
 */
async function optional(url: URL): Promise<string | undefined> {
  return readFile(url, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function exists(url: URL): Promise<boolean> {
  return access(url).then(
    () => true,
    () => false,
  );
}

/** Packs with gzip, because many hosts do not compress: 14 MB of WASM become 3.7 MB, and the browser unpacks them. */
const pack = (bytes: Uint8Array): Promise<Uint8Array> => promisify(gzip)(bytes, { level: 9 });

/** @param folders URL of the folder that contains a folder for each model */
export async function buildContent(folders = new URL('models/', PROJECT)): Promise<BuiltContent> {
  const files = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array, extension: string): ContentFile => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const path = `content/${sha256.slice(0, 20)}.${extension}`;
    files.set(path, bytes);
    return { path, sha256, bytes: bytes.length };
  };
  const wasm = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  const model = async ({ id, title }: { readonly id: string; readonly title: string }): Promise<ModelContent> => {
    const folder = new URL(`${id}/`, folders);
    const [signature, publicKey] = await Promise.all([
      optional(new URL('model.onnx.sig', folder)),
      optional(new URL('public.pem', folder)),
    ]);
    const file = add(await readFile(new URL('model.onnx', folder)), 'onnx');
    return {
      id,
      title,
      file,
      ...(signature === undefined ? {} : { signature }),
      ...(publicKey === undefined ? {} : { publicKey }),
    };
  };
  const shipped = await Promise.all(EXAMPLES.map(({ id }) => exists(new URL(`${id}/model.onnx`, folders))));
  const records = await testDigits();
  // The ending is not `.gz`: some hosts add a content-encoding to that, and the browser would unpack it on the way.
  const index = {
    wasm: add(await pack(await readFile(wasm)), 'wasm.bin'),
    digits: add(await pack(records), 'digits.bin'),
    models: await Promise.all(MODELS.map(model)),
    examples: await Promise.all(EXAMPLES.filter((_, i) => shipped[i]).map(model)),
  };
  return { index, files, installed: await installedFiles(), samples: samplesOf(records) };
}
