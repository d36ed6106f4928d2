/** `glean predict MODEL IMAGE…`: label and certified radius of image files. */
import type { CommandModule } from 'yargs';
import { GleanError } from '../certify-runtime/core/errors.ts';
import { readImageFile } from '../certify-runtime/encoded-image.ts';
import { Certifier } from '../certify-runtime/node.ts';
import { AnswerIsNo } from './answer.ts';

interface PredictArguments {
  model: string;
  images: string[];
  resize: boolean;
  json: boolean;
}

export const predictCommand: CommandModule<object, PredictArguments> = {
  command: 'predict <model> <images..>',
  describe: 'label and certified radius of PNG, JPEG or WebP files',
  builder: (y) =>
    y
      .positional('model', { type: 'string', demandOption: true, describe: 'sealed ONNX file' })
      .positional('images', { type: 'string', array: true, demandOption: true, describe: 'image files' })
      .option('resize', { type: 'boolean', default: false, describe: 'fit images of another size, on black' })
      .option('json', { type: 'boolean', default: false, describe: 'one JSON object a line' }) as never,
  handler: async ({ model, images, resize, json }) => {
    const certifier = await Certifier.load(model);
    const [height, width, channels] = certifier.certificate.input.shape as [number, number, number];
    let failed = false;
    try {
      for (const path of images) {
        try {
          const { data } = await readImageFile(path, [height, width, channels], { resize });
          const { label, className, radius } = await certifier.predict(data);
          console.log(
            json
              ? JSON.stringify({ image: path, label, className, radius })
              : `${path}: ${className}, certified to ℓ2 radius ${radius.toFixed(4)}`,
          );
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
  },
};
