/**
 * Finds modules of the service that run as separate processes: TypeScript through tsx in a clone, plain JavaScript in
 * the package.
 */
import { fileURLToPath } from 'node:url';

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/**
 * Node's arguments for such a module. tsx is resolved from here, not from the folder in which the command was called.
 */
export const NODE_ARGUMENTS: readonly string[] = EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];

/** The file of the module with this source, as it runs here. */
export function moduleFile(source: URL): string {
  return fileURLToPath(source).replace(/\.ts$/, EXTENSION);
}
