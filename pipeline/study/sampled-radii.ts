/** What CERTIFY makes of a trainer's network, for networks without a Lipschitz bound. */
import { convertGraphModel } from '../../src/export/convert/convert.ts';
import { bake } from '../../src/export/graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import { plainModel } from '../../src/export/seal/plain-model.ts';
import { withTemporaryFolder } from '../../src/files/temporary.ts';
import type { DomainDataset } from '../../src/train/data/dataset.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { certifyPlain } from '../paper/measure.ts';
import { FULL } from '../paper/plan.ts';

/** The radius that CERTIFY gives each test image, with the report's settings; −1 if the answer is wrong. */
export async function sampledRadii(trainer: Trainer, dataset: DomainDataset, sigma: number): Promise<number[]> {
  const model = await withTemporaryFolder('glean-study-', async (folder) => {
    const modelJson = await writeGraphModel(bake(trainer.condense()), dataset.shape, folder);
    return convertGraphModel(modelJson, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
  });
  const bytes = plainModel(model, { classes: [...dataset.classes], sigma, training: {} }, '0');
  const answers = await certifyPlain(bytes, dataset.test, { ...FULL, sigma });
  return answers.map(({ correct, radius }) => (correct ? radius : -1));
}
