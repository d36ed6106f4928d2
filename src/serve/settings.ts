/** What a service runs with: every limit has a number, and none is unbounded. */

export interface ServeSettings {
  /** Folder of models: DIR/<id>/model.onnx, or DIR/<id>/<number>/model.onnx. */
  readonly models: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Processes that answer requests. */
  readonly workers: number;
  /** File of bearer keys, one a line; undefined: nobody is asked for one. */
  readonly keyFile: string | undefined;
  /** Ed25519 public key (PEM) that must have signed every model; undefined: no signature is asked for. */
  readonly publicKey: string | undefined;
  /** Origins of web pages that may read the answers, as browsers write them, or `*`; none: no page of another origin may. */
  readonly cors: readonly string[];
  /** Images that may wait for one model in one worker; beyond them requests wait unread. */
  readonly queue: number;
  /** Milliseconds that a request may wait unread; then the answer is 503. */
  readonly maxWait: number;
  /** Images in one run of a model. */
  readonly maxBatch: number;
  /** Bytes of one body, also once decompressed. */
  readonly maxBody: number;
  /** Bytes of all bodies that one worker holds at a time; beyond them the answer is 503. */
  readonly maxBuffered: number;
  /** Pixels (width × height) of a picture sent to /predict. */
  readonly maxPixels: number;
  /** Connections of one worker. */
  readonly maxConnections: number;
  /** Milliseconds until a request's headers must be there. */
  readonly headersTimeout: number;
  /** Milliseconds until a whole request must be there. */
  readonly requestTimeout: number;
  /** Milliseconds without a byte, either way, after which a connection is cut. */
  readonly idleTimeout: number;
  /** Milliseconds that a stopping worker still takes connections, unready, so that whoever balances the load can turn away. */
  readonly drain: number;
  /** Milliseconds after which a stopping worker gives up on what is not answered. */
  readonly grace: number;
  /** Milliseconds between looks at the models folder and the key file. */
  readonly poll: number;
  readonly logLevel: string;
}

const MIB = 2 ** 20;

export const DEFAULTS = {
  models: 'models',
  host: '127.0.0.1',
  port: 8080,
  cors: [],
  queue: 512,
  maxWait: 5000,
  maxBatch: 64,
  maxBody: 16 * MIB,
  maxBuffered: 256 * MIB,
  maxPixels: 16_000_000,
  maxConnections: 2048,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  idleTimeout: 15_000,
  drain: 500,
  grace: 30_000,
  poll: 1000,
  logLevel: 'info',
} as const;
