/** Opens data sets for commands: progress is shown on stderr while pictures are drawn and images are prepared. */
import type { DomainDataset } from '../train/data/dataset.ts';
import { type DataConfig, openDataset } from '../train/data/registry.ts';
import { createReporter } from './reporter.ts';

export interface DataArguments {
  readonly dataDir?: string | undefined;
  readonly cacheDir?: string | undefined;
}

/** @throws InputError for an unknown name or option, or if the source cannot be read */
export async function openData(data: string | DataConfig, args: DataArguments): Promise<DomainDataset> {
  return openDataset(data, {
    onProgress: createReporter().progress,
    ...(args.dataDir === undefined ? {} : { dir: args.dataDir }),
    ...(args.cacheDir === undefined ? {} : { cache: args.cacheDir }),
  });
}
