/**
 * From a finished run to a plain ONNX classifier, as baselines are exported: no bound is proven and nothing is sealed.
 */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import { plainModel } from '../seal/plain-model.ts';
import { type ExportOptions, finishedModel } from './finished-run.ts';

/**
 * Writes `plain.onnx` to `directory`; gives its path.
 *
 * @throws what finishedModel throws
 */
export async function exportPlain(run: string, options: ExportOptions = {}): Promise<string> {
  const { config, dataset, model, directory, version, training } = await finishedModel(run, options);
  const { objective } = config;
  const sigma = 'baseline' in objective ? objective.sigma : objective.noise;
  const path = join(directory, 'plain.onnx');
  await writeFileAtomic(path, plainModel(model, { classes: [...dataset.classes], sigma, training }, version));
  return path;
}
