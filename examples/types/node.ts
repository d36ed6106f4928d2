import { GleanError } from 'glean-certify';
import { Certifier, type NodeLoadOptions, type Prediction } from 'glean-certify/node';

const OPTIONS: NodeLoadOptions = { providers: ['cuda', 'cpu'] };

/** Label and radius of each picture, by path. */
export async function predictAll(model: string, pictures: readonly string[]): Promise<readonly Prediction[]> {
  const certifier = await Certifier.load(model, OPTIONS);
  try {
    return await certifier.predictBatch(pictures);
  } finally {
    await certifier.dispose();
  }
}

export const isRefusal = (error: unknown): error is GleanError => error instanceof GleanError;
