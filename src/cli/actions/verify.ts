/**
 * The work of `glean verify`: proves every claim of a sealed model again from its bytes, runs its known vectors, and
 * checks the claims against a second opinion.
 */

import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';
import { explain } from '../../evaluate/explain/explain.ts';
import { explanationLines } from '../../evaluate/explain/lines.ts';
import { opinionLine } from '../../evaluate/opinion.ts';
import type { VerifyArguments } from '../commands/verify.ts';
import { AnswerIsNo } from '../terminal/answer.ts';
import { proveFile } from './prove.ts';

/** @throws AnswerIsNo if the model is refused */
export async function runVerify({ model, key, signature, explain: explained, json }: VerifyArguments): Promise<void> {
  const begin = performance.now();
  try {
    const { bytes, model: loaded, proven, signedBy } = await proveFile(model, key, signature);
    const { certificate, opinion } = loaded;
    const seconds = (performance.now() - begin) / 1000;
    const explanation = explained ? await explain(bytes, loaded) : undefined;
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
            signedBy,
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
    if (signedBy !== null) console.log(`  signed by        ${signedBy}`);
    console.log(`  in ${seconds.toFixed(2)} s`);
    for (const line of explanation === undefined ? [] : explanationLines(explanation)) console.log(line);
  } catch (error) {
    if (!(error instanceof GleanError) || error instanceof InputError) throw error;
    if (json) console.log(JSON.stringify({ model, verified: false, code: error.code, reason: error.message }, null, 2));
    else console.error(`refused: ${model}: ${error.message}`);
    throw new AnswerIsNo();
  }
}
