/**
 * The models that one worker serves. A new version replaces the old one between two requests, and no request has to
 * wait.
 */

import { Certifier } from '../../certify-runtime/node.ts';
import type { ByteBudget } from '../http/body.ts';
import { HttpError } from '../http/http-error.ts';
import type { ApprovedModel } from '../messages.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { type ModelLimits, ServedModel } from './served-model.ts';

export class Models {
  readonly #models = new Map<string, ServedModel>();
  readonly #limits: ModelLimits;
  readonly #buffered: ByteBudget;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #retiring = new Set<Promise<void>>();

  constructor(limits: ModelLimits, buffered: ByteBudget, metrics: Metrics, logger: Logger) {
    this.#limits = limits;
    this.#buffered = buffered;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  all(): IterableIterator<ServedModel> {
    return this.#models.values();
  }

  get size(): number {
    return this.#models.size;
  }

  /** @throws HttpError 404 if there is no such model, or if it is served in another version */
  find(id: string, version?: string): ServedModel {
    const model = this.#models.get(id);
    if (model === undefined) throw new HttpError(404, 'no such model; GET /v2/models lists those there are');
    if (version !== undefined && version !== model.version) {
      throw new HttpError(404, `no such version; model ${id} is served in version ${model.version}`);
    }
    return model;
  }

  /**
   * Loads a model and serves it from then on. The supervisor has proven it and vouches for the bytes; the provider is
   * checked here, where it will run.
   */
  async put(approved: ApprovedModel): Promise<void> {
    const { id, version, sha256, bytes, signature, publicKey } = approved;
    try {
      const certifier = await Certifier.load(bytes, {
        publicKey,
        signature,
        requireSignature: true,
        proof: 'unless-signed',
        // The workers share the cores, so more threads in each would only spin against one another.
        threads: 1,
      });
      const model = new ServedModel({ id, version, sha256 }, certifier, this.#limits, this.#buffered, this.#metrics);
      const old = this.#models.get(id);
      this.#models.set(id, model);
      this.#logger.info({ model: id, version, sha256, replaces: old?.version }, 'model loaded');
      this.#retire(old);
    } catch (error) {
      this.#logger.error({ model: id, version, err: error }, 'model not loaded; the one before it stays');
    }
  }

  remove(id: string): void {
    const old = this.#models.get(id);
    this.#models.delete(id);
    if (old !== undefined) this.#logger.info({ model: id, version: old.version }, 'model unloaded');
    this.#retire(old);
  }

  /** Releases every model once the accepted requests have been answered. */
  async dispose(): Promise<void> {
    for (const id of [...this.#models.keys()]) this.remove(id);
    await Promise.all(this.#retiring);
  }

  #retire(old: ServedModel | undefined): void {
    if (old === undefined) return;
    const done = old
      .retire()
      .catch((error) => this.#logger.error({ model: old.id, err: error }, 'model not released'))
      .finally(() => this.#retiring.delete(done));
    this.#retiring.add(done);
  }
}
