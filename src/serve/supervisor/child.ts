/** Modules of the service that run as processes of their own: TypeScript through tsx in a clone, plain JavaScript in the package. */
import { fileURLToPath } from 'node:url';

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** What Node is told before such a module; tsx is found from here, not from wherever the command was called. */
export const NODE_ARGUMENTS: readonly string[] = EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];

/** The file of the module whose source is `source`, as it runs here. */
export function moduleFile(source: URL): string {
  return fileURLToPath(source).replace(/\.ts$/, EXTENSION);
}
