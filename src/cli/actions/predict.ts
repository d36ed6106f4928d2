/** The work of `glean predict`: reads each image and prints its answer. */

import { Certifier } from '../../certify-runtime/node.ts';
import { readImageFile } from '../../certify-runtime/run/decode/encoded-image.ts';
import { GleanError } from '../../certify-runtime/trusted/errors.ts';
import type { PredictArguments } from '../commands/predict.ts';
import { AnswerIsNo } from '../terminal/answer.ts';

/** Four decimals, none of them a promise that the radius does not make. */
function roundedDown(radius: number): string {
  return (Math.floor(radius * 1e4) / 1e4).toFixed(4);
}

/** @throws AnswerIsNo if any image cannot be answered, or has a radius below `minRadius` */
export async function runPredict({ model, images, resize, minRadius, json }: PredictArguments): Promise<void> {
  const certifier = await Certifier.load(model);
  const [height, width, channels] = certifier.certificate.input.shape as [number, number, number];
  let failed = false;
  try {
    for (const path of images) {
      try {
        const { data } = await readImageFile(path, [height, width, channels], { resize });
        const { label, className, radius } = await certifier.predict(data);
        const certified = minRadius === undefined ? undefined : radius >= minRadius;
        if (certified === false) failed = true;
        if (json) console.log(JSON.stringify({ image: path, label, className, radius, certified }));
        else if (certified === false)
          console.log(`${path}: ${className}, not certified: ℓ2 radius ${radius} is below ${minRadius}`);
        else console.log(`${path}: ${className}, certified to ℓ2 radius ${roundedDown(radius)}`);
      } catch (error) {
        if (!(error instanceof GleanError)) throw error;
        failed = true;
        if (json) console.log(JSON.stringify({ image: path, error: error.message, code: error.code }));
        else console.error(`glean: ${error.message}`);
      }
    }
  } finally {
    await certifier.dispose();
  }
  if (failed) throw new AnswerIsNo();
}
