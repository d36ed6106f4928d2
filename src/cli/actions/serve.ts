/** The work of `glean serve`: reads the keys and origins, then runs the supervisor. */
import { readPublicKey } from '../../certify-runtime/signature/signature.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { DEFAULTS } from '../../serve/settings.ts';
import { serve } from '../../serve/supervisor/supervisor.ts';
import type { ServeArguments } from '../commands/serve.ts';
import { readKeyFile } from '../terminal/key-file.ts';
import { goOnWithoutOutput } from '../terminal/output.ts';

/** Checks that an origin is spelled as browsers send it; any other spelling would never match. */
function readOrigin(origin: string): string {
  if (origin === '*') return origin;
  // An origin is not a pattern: a host with `*` would be valid and match nothing.
  const { protocol, host } =
    URL.canParse(origin) && !origin.includes('*') ? new URL(origin) : { protocol: '', host: '' };
  const written = `${protocol}//${host}`;
  if (host !== '' && origin === written) return origin;
  throw new InputError(
    `--cors: found ${JSON.stringify(origin)}, expected ${host === '' ? 'an origin, such as https://example.org, or *' : written}`,
  );
}

const milliseconds = (time: number) => Math.round(time * 1000);

export async function runServe(given: ServeArguments): Promise<void> {
  const cors = given.cors.map(readOrigin);
  const publicKey =
    given.publicKey === undefined
      ? undefined
      : await readKeyFile(given.publicKey, async (pem) => {
          await readPublicKey(pem);
          return pem;
        });
  goOnWithoutOutput();
  const requestTimeout = milliseconds(given.requestTimeout);
  await serve({
    ...given,
    cors,
    publicKey,
    poll: milliseconds(given.poll),
    drain: milliseconds(given.drain),
    grace: milliseconds(given.grace),
    requestTimeout,
    maxWait: milliseconds(given.maxWait),
    idleTimeout: milliseconds(given.idleTimeout),
    headersTimeout: Math.min(requestTimeout, DEFAULTS.headersTimeout),
  });
}
