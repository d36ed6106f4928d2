/** `glean verify MODEL`: proves every claim of a sealed model anew from its bytes, then runs its known vectors. */
import type { CommandModule } from 'yargs';
import { GleanError, InputError } from '../certify-runtime/core/errors.ts';
import { loadCertifier, readModelFile } from '../certify-runtime/node.ts';
import { AnswerIsNo } from './answer.ts';

interface VerifyArguments {
  model: string;
  json: boolean;
}

export const verifyCommand: CommandModule<object, VerifyArguments> = {
  command: 'verify <model>',
  describe: 'prove the Lipschitz bound and every claim of the certificate anew from the bytes',
  builder: (y) =>
    y
      .positional('model', { type: 'string', demandOption: true, describe: 'sealed ONNX file' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }),
  handler: async ({ model, json }) => {
    const bytes = await readModelFile(model);
    const begin = performance.now();
    try {
      const certifier = await loadCertifier(bytes);
      const { certificate, proven } = certifier.model;
      await certifier.dispose();
      const seconds = (performance.now() - begin) / 1000;
      if (json) {
        console.log(
          JSON.stringify(
            {
              model,
              verified: true,
              lipschitz: proven.lipschitz,
              claimed: certificate.lipschitz.upper,
              layers: proven.layers,
              float32: certificate.float32,
              fileSha256: certificate.fileSha256,
            },
            null,
            2,
          ),
        );
        return;
      }
      for (const layer of proven.layers.filter(({ upper }) => upper !== 1)) {
        console.log(`  ${layer.op.padEnd(8)} ${layer.name.padEnd(24)} ≤ ${layer.upper}`);
      }
      console.log(`verified: ${model}`);
      console.log(`  Lipschitz bound  L ≤ ${proven.lipschitz} (claimed ${certificate.lipschitz.upper})`);
      console.log(`  classes          ${certificate.classes.join(', ')}`);
      console.log(
        `  known vectors    ${certificate.vectors.length} of ${certificate.vectors.length} answered within the slack`,
      );
      console.log(`  sha256           ${certificate.fileSha256} (digest field blank)`);
      console.log(`  in ${seconds.toFixed(2)} s`);
    } catch (error) {
      if (!(error instanceof GleanError) || error instanceof InputError) throw error;
      if (json)
        console.log(JSON.stringify({ model, verified: false, code: error.code, reason: error.message }, null, 2));
      else console.error(`refused: ${model}: ${error.message}`);
      throw new AnswerIsNo();
    }
  },
};
