/** How commands open data sets: progress on stderr while pictures are drawn and images prepared. */
import { SingleBar } from 'cli-progress';
import type { DomainDataset } from '../train/data/dataset.ts';
import type { Progress } from '../train/data/prepared/prepared.ts';
import { type DataConfig, openDataset } from '../train/data/registry.ts';

export interface DataArguments {
  readonly dataDir?: string | undefined;
  readonly cacheDir?: string | undefined;
}

/** @throws InputError for an unknown name or option, or where the source cannot be read */
export async function openData(data: string | DataConfig, args: DataArguments): Promise<DomainDataset> {
  return openDataset(data, {
    onProgress: showProgress(process.stderr),
    ...(args.dataDir === undefined ? {} : { dir: args.dataDir }),
    ...(args.cacheDir === undefined ? {} : { cache: args.cacheDir }),
  });
}

const INTERVAL_MS = 5000;

/** A bar on a terminal, elsewhere a line every five seconds. */
function showProgress(stream: NodeJS.WriteStream): Progress {
  const bar = stream.isTTY
    ? new SingleBar({ stream, format: '{what} [{bar}] {value}/{total} | {eta_formatted} left', hideCursor: true })
    : undefined;
  let shown = 0;
  return (what, done, total) => {
    if (bar !== undefined) {
      if (!bar.isActive) bar.start(total, done, { what });
      bar.update(done, { what });
      if (done === total) bar.stop();
    } else if (done === total || Date.now() - shown >= INTERVAL_MS) {
      stream.write(`${what}: ${done} of ${total}\n`);
      shown = Date.now();
    }
  };
}
