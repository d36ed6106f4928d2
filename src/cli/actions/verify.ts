/**
 * The work of `glean verify`: proves every claim of a sealed model again from its bytes, runs its known vectors, and
 * checks the claims against a second opinion.
 */

import { Certifier, checkGraph, readModelFile, readSignatureFile } from '../../certify-runtime/node.ts';
import { readPublicKey, type SignatureOptions } from '../../certify-runtime/signature/signature.ts';
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';
import { explain } from '../../evaluate/explain/explain.ts';
import { opinionLine } from '../../evaluate/opinion.ts';
import type { VerifyArguments } from '../commands/verify.ts';
import { AnswerIsNo } from '../terminal/answer.ts';
import { readKeyFile } from '../terminal/key-file.ts';
import { explanationLines } from './explain.ts';

/**
 * The signature options for --key and --signature. A missing signature file is refused later, in the same way as a
 * wrong one.
 */
async function signatureBy(
  keyPath: string,
  signaturePath: string,
): Promise<{ readonly keyId: string; readonly options: SignatureOptions }> {
  const { id, pem } = await readKeyFile(keyPath, async (pem) => ({ id: (await readPublicKey(pem)).id, pem }));
  const signature = await readSignatureFile(signaturePath);
  const options = { publicKey: pem, requireSignature: true };
  return { keyId: id, options: signature === undefined ? options : { ...options, signature } };
}

/** @throws AnswerIsNo if the model is refused */
export async function runVerify({ model, key, signature, explain: explained, json }: VerifyArguments): Promise<void> {
  const signed = key === undefined ? null : await signatureBy(key, signature ?? `${model}.sig`);
  const bytes = await readModelFile(model);
  const begin = performance.now();
  try {
    const certifier = await Certifier.load(bytes, signed?.options);
    const { certificate, proven, opinion, ...read } = certifier.model;
    await certifier.dispose();
    if (proven === null) throw new InputError(`${model}: loaded without a proof`);
    await checkGraph(bytes, { certificate, proven, ...read });
    const seconds = (performance.now() - begin) / 1000;
    const explanation = explained ? await explain(bytes, certifier.model) : undefined;
    if (json) {
      console.log(
        JSON.stringify(
          {
            model,
            verified: true,
            lipschitz: proven.lipschitz,
            claimed: certificate.lipschitz.upper,
            layers: proven.layers,
            ...(certificate.precision === 'float64'
              ? { float64: certificate.float64 }
              : { float32: certificate.float32 }),
            fileSha256: certificate.fileSha256,
            secondOpinion: opinion,
            signedBy: signed?.keyId ?? null,
            explanation,
          },
          null,
          2,
        ),
      );
      return;
    }
    for (const layer of proven.layers.filter(({ upper }) => upper !== 1)) {
      console.log(`  ${layer.op.padEnd(8)} ${quote(layer.name).padEnd(26)} ≤ ${layer.upper}`);
    }
    console.log(`verified: ${model}`);
    console.log(`  Lipschitz bound  L ≤ ${proven.lipschitz} (claimed ${certificate.lipschitz.upper})`);
    console.log(`  classes          ${certificate.classes.map(quote).join(', ')}`);
    console.log(
      `  known vectors    ${certificate.vectors.length} of ${certificate.vectors.length} answered within the slack`,
    );
    if (opinion !== null) console.log(`  second opinion   ${opinionLine(opinion)}`);
    console.log(`  sha256           ${certificate.fileSha256} (digest field blank)`);
    if (signed !== null) console.log(`  signed by        ${signed.keyId}`);
    console.log(`  in ${seconds.toFixed(2)} s`);
    for (const line of explanation === undefined ? [] : explanationLines(explanation)) console.log(line);
  } catch (error) {
    if (!(error instanceof GleanError) || error instanceof InputError) throw error;
    if (json) console.log(JSON.stringify({ model, verified: false, code: error.code, reason: error.message }, null, 2));
    else console.error(`refused: ${model}: ${error.message}`);
    throw new AnswerIsNo();
  }
}
