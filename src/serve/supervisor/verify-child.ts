/** A process that verifies one model and ends. If a hostile file breaks ONNX Runtime, it breaks only this process. */
import process from 'node:process';
import { Certifier } from '../../certify-runtime/node.ts';
import { GleanError } from '../../certify-runtime/trusted/errors.ts';
import type { Verdict, VerifyQuestion } from './verify.ts';

async function verdict({ bytes, publicKey, signature }: VerifyQuestion): Promise<Verdict> {
  try {
    const signed = {
      ...(publicKey === undefined ? {} : { publicKey, requireSignature: true }),
      ...(signature === undefined ? {} : { signature }),
    };
    const certifier = await Certifier.load(bytes, { ...signed, proof: 'always' });
    await certifier.dispose();
    return { verified: true };
  } catch (error) {
    if (error instanceof GleanError) return { verified: false, reason: error.message };
    return {
      verified: false,
      reason: `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

process.once('message', async (question: VerifyQuestion) => {
  const answer = await verdict(question);
  process.send!(answer, undefined, undefined, () => process.exit(0));
});
// Either signal may reach all processes of the service at once; it is the supervisor that ends this one.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(1));
