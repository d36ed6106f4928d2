/** The state that the handlers of one worker share. */
import { ByteBudget } from '../http/body.ts';
import { Keys } from '../http/keys.ts';
import type { RefusedModel } from '../messages.ts';
import type { Logger } from '../observe/log.ts';
import { type MetricObject, Metrics } from '../observe/metrics.ts';
import type { ServeSettings } from '../settings.ts';
import { Gate } from './gate.ts';
import { Line } from './line.ts';
import { Models } from './models.ts';

/** libuv has four threads for all decoders; two pictures at a time leave some for other work. */
const DECODED_AT_ONCE = 2;
/** The most pictures that have arrived and wait for a decoder. */
const DECODES_WAITING = 64;

export class Service {
  readonly settings: ServeSettings;
  readonly logger: Logger;
  readonly models: Models;
  readonly metrics: Metrics;
  readonly buffered: ByteBudget;
  readonly decoding: Gate;
  /** The line in which pictures wait until a decoder will soon be free. */
  readonly pictures: Line;
  /** Collects the metrics of all workers. */
  readonly scrape: () => Promise<readonly MetricObject[]>;
  /** The files in the models folder that are not served. */
  refused: readonly RefusedModel[] = [];
  /** If this is undefined, no key is needed. */
  keys: Keys | undefined;
  /**
   * Whether the service is stopping: accepted requests are still answered, and every answer says that the connection
   * will close.
   */
  draining = false;
  connections = 0;

  constructor(settings: ServeSettings, logger: Logger, scrape: () => Promise<readonly MetricObject[]>) {
    this.settings = settings;
    this.logger = logger;
    this.scrape = scrape;
    this.buffered = new ByteBudget(settings.maxBuffered);
    this.metrics = new Metrics({
      models: () => this.models.all(),
      connections: () => this.connections,
      buffered: () => this.buffered.used,
    });
    this.models = new Models(settings, this.buffered, this.metrics, logger);
    this.pictures = new Line(
      () => ({ requests: DECODES_WAITING - this.decoding.waiting, bytes: this.buffered.free, seconds: 1 }),
      settings,
    );
    this.decoding = new Gate(DECODED_AT_ONCE, this.pictures.letIn);
  }

  setKeys(digests: readonly string[] | undefined): void {
    this.keys = digests === undefined ? undefined : new Keys(digests);
  }

  get ready(): boolean {
    return !this.draining && this.models.size > 0;
  }
}
