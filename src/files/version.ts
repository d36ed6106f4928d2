/** The version of glean: that of its package.json, in a clone as in the package. */
import { createRequire } from 'node:module';

export const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as {
  readonly version: string;
};
