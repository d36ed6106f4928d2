/** The work of `glean seal`: proves the bound, writes the sealed file, and reports what was proven. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readModelFile, runUnverified } from '../../certify-runtime/node.ts';
import { readImageFile } from '../../certify-runtime/run/decode/encoded-image.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { MAX_VECTORS } from '../../certify-runtime/trusted/file/certificate.ts';
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';
import { explain } from '../../evaluate/explain/explain.ts';
import { explanationLines } from '../../evaluate/explain/lines.ts';
import { opinionLine } from '../../evaluate/opinion.ts';
import { typicalSlack } from '../../evaluate/typical-slack.ts';
import type { ImageShape } from '../../export/foreign/input-layer.ts';
import { readFromFolder } from '../../export/foreign/onnx/external-file.ts';
import { type PrecisionCosts, precisionCosts, precisionLine } from '../../export/seal/precision-costs.ts';
import { type SealedOriginal, sealOriginal } from '../../export/seal/seal-original.ts';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import { utf8Text } from '../../files/utf8-text.ts';
import { VERSION } from '../../files/version.ts';
import type { SealArguments } from '../commands/seal.ts';
import { withRefusals } from '../terminal/refused.ts';

/** A bound above this, for pixels on [0, 1] before preprocessing, is called poor. */
const POOR = 10;
const LAYERS_SHOWN = 8;

async function classNames({ classes, classesFile }: SealArguments): Promise<readonly string[] | undefined> {
  if (classes !== undefined) return classes.split(',').map((name) => name.trim());
  if (classesFile === undefined) return undefined;
  const bytes = await readFile(classesFile).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(
      `${classesFile}: cannot be read (${cause.code}); expected one class name a line`,
      {},
      { cause },
    );
  });
  return utf8Text(bytes, classesFile)
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

/** Reads all images of a folder, in the order of their names. */
async function imagesOf(folder: string, shape: ImageShape): Promise<readonly Uint8Array[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`${folder}: cannot be read (${cause.code}); expected a folder of images`, {}, { cause });
  });
  const files = names.filter((name) => !name.startsWith('.')).sort();
  if (files.length === 0 || files.length > MAX_VECTORS) {
    throw new InputError(`${folder}: ${files.length} files, expected 1 to ${MAX_VECTORS} images`);
  }
  const images: Uint8Array[] = [];
  for (const name of files) images.push((await readImageFile(join(folder, name), shape)).data);
  return images;
}

/** The factor that the preprocessing contributes to L. */
function preprocessingFactor({ input: { scale, std } }: SealedOriginal['prepared']): number {
  return scale / Math.min(...(std ?? [1]));
}

function hint({ verified, prepared }: SealedOriginal): string | null {
  const { lipschitz } = verified.proven;
  if (lipschitz <= POOR * preprocessingFactor(prepared)) return null;
  return `a plain network: L = ${shown(lipschitz, 'up')}; the certified radii will be tiny. Train with orthogonal or Lipschitz layers (deel-lip, orthogonium, glean train)`;
}

/** Shows six digits, rounded up for a bound and down for a radius. */
function shown(value: number, round: 'up' | 'down'): string {
  if (value === 0) return '0';
  const unit = 10 ** (Math.floor(Math.log10(value)) - 5);
  const rounded = (round === 'up' ? Math.ceil(value / unit) : Math.floor(value / unit)) * unit;
  return rounded >= 1e6 || rounded < 1e-3 ? rounded.toExponential(5) : String(Number(rounded.toPrecision(6)));
}

function print({ out }: SealArguments, sealed: SealedOriginal, costs: PrecisionCosts): void {
  const { verified, opinion, deviation } = sealed;
  const { proven, certificate } = verified;
  const layers = proven.layers.filter(({ upper }) => upper !== 1).sort((a, b) => b.upper - a.upper);
  for (const { op, name, upper } of layers.slice(0, LAYERS_SHOWN)) {
    console.log(`  ${op.padEnd(18)} ${quote(name).padEnd(34)} ≤ ${shown(upper, 'up')}`);
  }
  if (layers.length > LAYERS_SHOWN) console.log(`  and ${layers.length - LAYERS_SHOWN} more with smaller bounds`);
  console.log(`sealed: ${out}`);
  console.log(
    `  Lipschitz bound  L ≤ ${shown(proven.lipschitz, 'up')}, of image [${certificate.input.shape.join(', ')}] ↦ latent [${proven.latentSize}]`,
  );
  const slack = typicalSlack(verified);
  console.log(
    slack === null
      ? `  ${verified.precision} slack    no known vector is certified`
      : `  ${verified.precision} slack    ${shown(Math.max(slack, 0), 'up')} of a radius, at a typical known vector`,
  );
  console.log(
    `  known vectors    ${certificate.vectors.length}, within ${deviation.toExponential(1)} of the original's answers`,
  );
  console.log(`  precision        ${precisionLine(costs)}`);
  if (opinion !== null) console.log(`  second opinion   ${opinionLine(opinion)}`);
  console.log(`  radii there      ${certificate.vectors.map(({ radius }) => shown(radius, 'down')).join(', ')}`);
  const poor = hint(sealed);
  if (poor !== null) console.log(`  hint             ${poor}`);
}

function asJson({ model, out }: SealArguments, sealed: SealedOriginal): object {
  const { verified, prepared, opinion, deviation } = sealed;
  const { certificate, proven } = verified;
  return {
    model,
    out,
    lipschitz: proven.lipschitz,
    layers: [...proven.layers].sort((a, b) => b.upper - a.upper),
    slack: typicalSlack(verified),
    classes: certificate.classes,
    shape: certificate.input.shape,
    vectors: certificate.vectors.map(({ label, radius }) => ({ label, radius })),
    deviation,
    secondOpinion: opinion,
    notes: prepared.notes,
    hint: hint(sealed),
    fileSha256: certificate.fileSha256,
  };
}

/**
 * @throws InputError if the options do not fit the files, UnprovableError if no bound is known; with --json, AnswerIsNo
 *   after either was printed
 */
export function runSeal(args: SealArguments): Promise<void> {
  return withRefusals(args, () => sealFile(args));
}

async function sealFile(args: SealArguments): Promise<void> {
  const { sigma, layout, logits, scale, mean, std, precision, vectors } = args;
  const shape = args.shape as ImageShape | undefined;
  const classes = await classNames(args);
  const sealed = await sealOriginal(await readModelFile(args.model), {
    source: basename(args.model),
    producerVersion: VERSION,
    run: runUnverified,
    readExternal: readFromFolder(dirname(args.model)),
    ...(classes === undefined ? {} : { classes }),
    ...(sigma === undefined ? {} : { sigma }),
    ...(layout === undefined ? {} : { layout }),
    ...(logits === undefined ? {} : { logits }),
    ...(scale === undefined ? {} : { scale }),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    ...(shape === undefined ? {} : { shape }),
    ...(precision === undefined ? {} : { precision }),
    ...(vectors === undefined ? {} : { images: (of) => imagesOf(vectors, of) }),
  });
  await writeFileAtomic(args.out, sealed.bytes);
  for (const note of sealed.prepared.notes) process.stderr.write(`seal: ${note}\n`);
  const costs = await precisionCosts(sealed.prepared.model, sealed.bytes, sealed.verified);
  const explanation = args.explain ? await explain(sealed.bytes, sealed.verified) : undefined;
  if (args.json) console.log(JSON.stringify({ ...asJson(args, sealed), precisions: costs, explanation }, null, 2));
  else {
    print(args, sealed, costs);
    for (const line of explanation === undefined ? [] : explanationLines(explanation)) console.log(line);
  }
}
