/** `glean serve`: runs the HTTP service. */
import { availableParallelism } from 'node:os';
import { DEFAULTS } from '../../serve/settings.ts';
import { declareCommand } from '../terminal/command.ts';
import { choice, type Given, realNumber, text, texts, wholeNumber } from '../terminal/options.ts';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const LIMITS = 'Limits of each worker:';
const MOST = 2 ** 31;
/** The longest that a timer of Node can wait is 2³¹ − 1 ms; longer ones fire at once. */
const MOST_SECONDS = 2_147_483;

/** An option in seconds. Its default is given in milliseconds, as in the settings. */
function seconds(
  describe: string,
  { default: milliseconds, ...rest }: { default: number; least: number; group?: string },
) {
  return realNumber(describe, { ...rest, most: MOST_SECONDS, default: milliseconds / 1000 });
}

/** A limit on what one worker holds. */
function limit(describe: string, { most = MOST, ...rest }: { default: number; least: number; most?: number }) {
  return wholeNumber(describe, { ...rest, most, group: LIMITS });
}

const OPTIONS = {
  models: text('folder: DIR/NAME/model.onnx or DIR/NAME/NUMBER/model.onnx', { default: DEFAULTS.models }),
  host: text('address to listen on', { default: DEFAULTS.host }),
  keyFile: text('bearer keys, one a line; requests must bring one'),
  publicKey: text('public key (PEM) that must have signed every model'),
  minRadius: realNumber('least radius with which answers call an image certified; a request may raise it', {
    above: 0,
  }),
  cors: texts(
    'origin of web pages that may read the answers, such as https://example.org, or * for every one; repeatable',
    { default: DEFAULTS.cors },
  ),
  logLevel: choice('least level that is logged', LEVELS, { default: DEFAULTS.logLevel }),
  port: wholeNumber('port to listen on; 0 takes a free one', { least: 0, most: 65_535, default: DEFAULTS.port }),
  workers: wholeNumber('processes that answer', { least: 1, most: 1024, default: availableParallelism() }),
  poll: seconds('seconds between looks for new models and keys', { least: 0.05, default: DEFAULTS.poll }),
  drain: seconds('on SIGTERM, seconds of answering while unready, before no more connections are taken', {
    least: 0,
    default: DEFAULTS.drain,
  }),
  grace: seconds('on SIGTERM, seconds for answering what was accepted', { least: 0, default: DEFAULTS.grace }),
  queue: limit('images that may wait for a model', { least: 1, default: DEFAULTS.queue }),
  maxWait: seconds('seconds that a request may wait, unread, for room among them', {
    least: 0,
    default: DEFAULTS.maxWait,
    group: LIMITS,
  }),
  maxBatch: limit('images in one run of a model', { least: 1, default: DEFAULTS.maxBatch }),
  maxBody: limit('bytes of one body', { least: 1024, most: 2 ** 30, default: DEFAULTS.maxBody }),
  maxBuffered: limit('bytes of all bodies', { least: 1024, default: DEFAULTS.maxBuffered }),
  maxPixels: limit('pixels of a picture', { least: 1, default: DEFAULTS.maxPixels }),
  maxConnections: limit('connections', { least: 1, default: DEFAULTS.maxConnections }),
  requestTimeout: seconds('seconds until a whole request must be there', {
    least: 0.1,
    default: DEFAULTS.requestTimeout,
    group: LIMITS,
  }),
  idleTimeout: seconds('seconds without a byte after which a connection is cut', {
    least: 0.1,
    default: DEFAULTS.idleTimeout,
    group: LIMITS,
  }),
};

export type ServeArguments = Given<typeof OPTIONS>;

export const serveCommand = declareCommand({
  name: 'serve',
  describe: 'answer over HTTP: Open Inference Protocol v2, and pictures at /predict',
  positionals: {},
  options: OPTIONS,
});
