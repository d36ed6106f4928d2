/** The settings of a service. Every limit is a number, and nothing is unbounded. */

export interface ServeSettings {
  /** The folder of models: DIR/<id>/model.onnx, or DIR/<id>/<number>/model.onnx. */
  readonly models: string;
  readonly host: string;
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** The number of processes that answer requests. */
  readonly workers: number;
  /** A file of bearer keys, one on each line. If it is undefined, no key is needed. */
  readonly keyFile: string | undefined;
  /** The Ed25519 public key (PEM) that must have signed every model. If it is undefined, no signature is needed. */
  readonly publicKey: string | undefined;
  /**
   * The least radius with which answers call an image certified, finite and above 0. If it is undefined, only requests
   * that bring one of their own are told.
   */
  readonly minRadius: number | undefined;
  /**
   * Origins of web pages that may read the answers, as browsers write them, or `*`. If there are none, no page of
   * another origin may read them.
   */
  readonly cors: readonly string[];
  /** Images that may wait for one model in one worker. Further requests wait unread. */
  readonly queue: number;
  /** Milliseconds that a request may wait unread before it is answered with 503. */
  readonly maxWait: number;
  /** The most images in one run of a model. */
  readonly maxBatch: number;
  /** The most bytes of one body, both as sent and decompressed. */
  readonly maxBody: number;
  /** The most bytes of all bodies that one worker holds at a time. Further requests are answered with 503. */
  readonly maxBuffered: number;
  /** The most pixels (width × height) of a picture sent to /predict. */
  readonly maxPixels: number;
  /** The most connections of one worker. */
  readonly maxConnections: number;
  /** Milliseconds within which a request's headers must arrive. */
  readonly headersTimeout: number;
  /** Milliseconds within which a whole request must arrive. */
  readonly requestTimeout: number;
  /** Milliseconds without a byte in either direction after which a connection is cut. */
  readonly idleTimeout: number;
  /**
   * Milliseconds for which a stopping worker still takes connections while it reports that it is not ready, so that a
   * load balancer can turn away.
   */
  readonly drain: number;
  /** Milliseconds after which a stopping worker gives up on unanswered requests. */
  readonly grace: number;
  /** Milliseconds between two looks at the models folder and the key file. */
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
