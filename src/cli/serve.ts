/** `glean serve`: the HTTP service. */
import { availableParallelism } from 'node:os';
import type { Argv, CommandModule } from 'yargs';
import { InputError } from '../certify-runtime/core/errors.ts';
import { readPublicKey } from '../certify-runtime/core/signature.ts';
import { DEFAULTS, type ServeSettings } from '../serve/settings.ts';
import { readKeyFile } from './sign.ts';

/** Times are given in seconds. */
type ServeArguments = Omit<ServeSettings, 'headersTimeout'>;

interface NumberOption {
  readonly describe: string;
  readonly default: number;
  readonly least: number;
  readonly most?: number;
  readonly seconds?: true;
  readonly limit?: true;
}

const COUNTS = {
  port: { describe: 'port to listen on; 0 takes a free one', default: DEFAULTS.port, least: 0, most: 65_535 },
  workers: { describe: 'processes that answer', default: availableParallelism(), least: 1, most: 1024 },
  poll: {
    describe: 'seconds between looks for new models and keys',
    default: DEFAULTS.poll,
    least: 0.05,
    seconds: true,
  },
  drain: {
    describe: 'on SIGTERM, seconds of answering while unready, before no more connections are taken',
    default: DEFAULTS.drain,
    least: 0,
    seconds: true,
  },
  grace: {
    describe: 'on SIGTERM, seconds for answering what was accepted',
    default: DEFAULTS.grace,
    least: 0,
    seconds: true,
  },
  queue: { describe: 'images that may wait for a model', default: DEFAULTS.queue, least: 1, limit: true },
  maxBatch: { describe: 'images in one run of a model', default: DEFAULTS.maxBatch, least: 1, limit: true },
  maxBody: { describe: 'bytes of one body', default: DEFAULTS.maxBody, least: 1024, most: 2 ** 30, limit: true },
  maxBuffered: { describe: 'bytes of all bodies', default: DEFAULTS.maxBuffered, least: 1024, limit: true },
  maxPixels: { describe: 'pixels of a picture', default: DEFAULTS.maxPixels, least: 1, limit: true },
  maxConnections: { describe: 'connections', default: DEFAULTS.maxConnections, least: 1, limit: true },
  requestTimeout: {
    describe: 'seconds until a whole request must be there',
    default: DEFAULTS.requestTimeout,
    least: 0.1,
    seconds: true,
    limit: true,
  },
  idleTimeout: {
    describe: 'seconds without a byte after which a connection is cut',
    default: DEFAULTS.idleTimeout,
    least: 0.1,
    seconds: true,
    limit: true,
  },
} as const satisfies Record<string, NumberOption>;

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const MOST = 2 ** 31;

function flag(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The numbers, checked, seconds as milliseconds. */
function readNumbers(given: Readonly<Record<keyof typeof COUNTS, number>>): Record<keyof typeof COUNTS, number> {
  const entries = Object.entries(COUNTS).map(([name, { least, seconds, most = MOST }]: [string, NumberOption]) => {
    const value = given[name as keyof typeof COUNTS];
    if (!(value >= least && value <= most && (seconds || Number.isInteger(value)))) {
      throw new InputError(
        `--${flag(name)}: found ${value}, expected ${seconds ? 'seconds' : 'a whole number'} from ${least} to ${most}`,
      );
    }
    return [name, seconds ? Math.round(value * 1000) : value] as const;
  });
  return Object.fromEntries(entries) as Record<keyof typeof COUNTS, number>;
}

export const serveCommand: CommandModule<object, ServeArguments> = {
  command: 'serve',
  describe: 'answer over HTTP: Open Inference Protocol v2, and pictures at /predict',
  builder: (y) => {
    let parser: Argv = y
      .option('models', {
        type: 'string',
        default: DEFAULTS.models,
        describe: 'folder: DIR/NAME/model.onnx or DIR/NAME/NUMBER/model.onnx',
      })
      .option('host', { type: 'string', default: DEFAULTS.host, describe: 'address to listen on' })
      .option('key-file', { type: 'string', describe: 'bearer keys, one a line; requests must bring one' })
      .option('public-key', { type: 'string', describe: 'public key (PEM) that must have signed every model' })
      .option('log-level', { choices: LEVELS, default: DEFAULTS.logLevel, describe: 'least level that is logged' });
    for (const [name, option] of Object.entries(COUNTS) as [string, NumberOption][]) {
      parser = parser.option(flag(name), {
        type: 'number',
        default: option.seconds ? option.default / 1000 : option.default,
        describe: option.describe,
        ...(option.limit ? { group: 'Limits of each worker:' } : {}),
      });
    }
    return parser as Argv<ServeArguments>;
  },
  handler: async (given) => {
    const numbers = readNumbers(given);
    const { models, host, keyFile, logLevel } = given;
    const publicKey =
      given.publicKey === undefined
        ? undefined
        : await readKeyFile(given.publicKey, async (pem) => {
            await readPublicKey(pem);
            return pem;
          });
    // Only who serves waits for what serving needs.
    const { serve } = await import('../serve/supervisor.ts');
    await serve({
      models,
      host,
      keyFile,
      publicKey,
      logLevel,
      ...numbers,
      headersTimeout: Math.min(numbers.requestTimeout, DEFAULTS.headersTimeout),
    });
  },
};
