/** Opens data sets by name or configuration, each once in a process. table.ts lists them. */
import { resolve } from 'node:path';
import { fromClone } from './clone-only.ts';
import { type DataConfig, parseData } from './config.ts';
import type { DomainDataset } from './dataset.ts';
import type { DatasetRequest } from './options.ts';
import type { Progress } from './prepared/prepared.ts';
import { DATASETS } from './table.ts';

export { type DataConfig, parseData } from './config.ts';
export { DATASET_NAMES } from './table.ts';

export interface OpenDatasetOptions {
  /** Takes precedence over the configuration's. */
  readonly dir?: string;
  readonly seed?: number;
  /** Where pictures are drawn and images prepared; by default `data` in the working directory. */
  readonly cache?: string;
  /** Hears about drawing and preparing, which take minutes the first time. */
  readonly onProgress?: Progress;
}

const opened = new Map<string, Promise<DomainDataset>>();

/**
 * The data set of a configuration, or of a name as `parseData` takes it; asking again in the same process gives the
 * same object.
 *
 * @throws InputError for an unknown name or option, or if the source cannot be read
 */
export async function openDataset(data: string | DataConfig, options: OpenDatasetOptions = {}): Promise<DomainDataset> {
  const { onProgress, cache = 'data', dir, seed } = options;
  const asked: DataConfig & { readonly dir?: string } = typeof data === 'string' ? parseData(data) : data;
  const where = dir ?? asked.dir;
  const config = {
    ...asked,
    ...(seed === undefined ? {} : { seed }),
    ...(where === undefined ? {} : { dir: resolve(where) }),
  };
  const key = JSON.stringify([Object.entries(config).sort(), resolve(cache)]);
  let dataset = opened.get(key);
  if (dataset === undefined) {
    const request: DatasetRequest = { ...config, cache, ...(onProgress === undefined ? {} : { onProgress }) };
    dataset = fromClone(config.name, () => DATASETS[config.name].open(request));
    opened.set(key, dataset);
    dataset.catch(() => opened.delete(key));
  }
  return dataset;
}
