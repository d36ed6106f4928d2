/** One model as a worker serves it: its certifier, its queue, and what every answer says about it. */
import type { Certifier, Prediction } from '../../certify-runtime/node.ts';
import type { ByteBudget } from '../http/body.ts';
import type { ApprovedModel } from '../messages.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ModelInput, Pixels } from '../protocol/tensors.ts';
import { Batcher, type BatchLimits } from './batcher.ts';
import { type LeastRadius, leastRadius } from './least-radius.ts';
import { Line, type LineLimits } from './line.ts';

export interface ModelLimits extends BatchLimits, LineLimits {
  /** The service's least radius, which every answer is held against. */
  readonly minRadius: number | undefined;
}

/** The parameters of answers and metadata, scalars as the protocol has them. */
export type AnswerParameters = Readonly<Record<string, string | number>>;

export class ServedModel {
  readonly id: string;
  readonly version: string;
  readonly sha256: string;
  readonly certifier: Certifier;
  readonly input: ModelInput;
  readonly batcher: Batcher<Pixels, Prediction>;
  /** The line in which requests wait until the batcher has room. */
  readonly line: Line;
  /** The parameters in every answer: norm, bound, arithmetic, the file's digest, and the service's least radius. */
  readonly parameters: AnswerParameters;
  /** Counts answers for the metrics. */
  readonly count: (answers: readonly Prediction[], least: LeastRadius | undefined) => void;
  /** The beginning of every answer that is not held against a least radius of the request's own. */
  readonly #head: string;

  constructor(
    { id, version, sha256 }: Pick<ApprovedModel, 'id' | 'version' | 'sha256'>,
    certifier: Certifier,
    limits: ModelLimits,
    buffered: ByteBudget,
    metrics: Metrics,
  ) {
    const { certificate } = certifier;
    this.id = id;
    this.version = version;
    this.sha256 = sha256;
    this.certifier = certifier;
    this.input = { shape: certificate.input.shape, size: certifier.imageSize };
    const sums = metrics.sumsOf(id);
    this.batcher = new Batcher((images) => certifier.predictBatch(images), limits, {
      ran: (images) => {
        metrics.batch(images);
        sums.run();
        this.line.letIn();
      },
      answered: (waited, computed) => {
        sums.add('queue', waited);
        sums.add('compute_infer', computed);
      },
    });
    this.line = new Line(
      () => ({ requests: this.batcher.room, bytes: buffered.free, seconds: this.batcher.seconds }),
      limits,
    );
    this.parameters = Object.freeze({
      norm: certificate.norm,
      lipschitz: certificate.lipschitz.upper,
      precision: certifier.model.precision,
      provider: certifier.provider,
      sha256,
      ...(limits.minRadius === undefined ? {} : { min_radius: limits.minRadius }),
    });
    this.count = metrics.model(id, certificate.classes, leastRadius(limits.minRadius, undefined));
    this.#head = this.#headWith(this.parameters);
  }

  /** The parameters of an answer that is held against `least`. */
  parametersWith(least: LeastRadius | undefined): AnswerParameters {
    return least?.policy === 'request' ? { ...this.parameters, min_radius: least.radius } : this.parameters;
  }

  /** The JSON that an inference answer held against `least` begins with, without the closing brace. */
  answerHead(least: LeastRadius | undefined): string {
    return least?.policy === 'request' ? this.#headWith(this.parametersWith(least)) : this.#head;
  }

  #headWith(parameters: AnswerParameters): string {
    const head = JSON.stringify({ model_name: this.id, model_version: this.version, parameters });
    return head.slice(0, -1);
  }

  /** Answers every accepted request, then releases the model. */
  async retire(): Promise<void> {
    await this.batcher.idle();
    await this.certifier.dispose();
  }
}
