/** The work of `glean serve`: reads keys and origins, then runs the supervisor. */
import { readPublicKey } from '../../certify-runtime/signature/signature.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { DEFAULTS } from '../../serve/settings.ts';
import { serve } from '../../serve/supervisor/supervisor.ts';
import type { ServeArguments } from '../commands/serve.ts';
import { readKeyFile } from '../terminal/key-file.ts';
import { goOnWithoutOutput } from '../terminal/output.ts';

/** An origin as browsers write it in their requests; another spelling would never be found equal. */
function readOrigin(origin: string): string {
  if (origin === '*') return origin;
  // No pattern: `*` in a host would be one, and match nothing.
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
