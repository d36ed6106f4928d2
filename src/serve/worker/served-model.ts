/** One model as a worker serves it: its certifier, its queue, and what every answer says about it. */
import type { Certifier, Prediction } from '../../certify-runtime/node.ts';
import type { ByteBudget } from '../http/body.ts';
import type { ApprovedModel } from '../messages.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ModelInput, Pixels } from '../protocol/tensors.ts';
import { Batcher, type BatchLimits } from './batcher.ts';
import { Line, type LineLimits } from './line.ts';

export interface ModelLimits extends BatchLimits, LineLimits {}

export class ServedModel {
  readonly id: string;
  readonly version: string;
  readonly sha256: string;
  readonly certifier: Certifier;
  readonly input: ModelInput;
  readonly batcher: Batcher<Pixels, Prediction>;
  /** The line in which requests wait until the batcher has room. */
  readonly line: Line;
  /** The parameters in every answer: norm, bound, arithmetic, and the file's digest. */
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Counts answers for the metrics. */
  readonly count: (answers: readonly Prediction[]) => void;
  /** The JSON that every inference answer begins with. */
  readonly answerHead: string;

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
    this.batcher = new Batcher(
      (images) => certifier.predictBatch(images),
      limits,
      (images) => {
        metrics.batch(images);
        this.line.letIn();
      },
    );
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
    });
    this.count = metrics.model(id, certificate.classes);
    const head = JSON.stringify({ model_name: id, model_version: version, parameters: this.parameters });
    this.answerHead = head.slice(0, -1);
  }

  /** Answers every accepted request, then releases the model. */
  async retire(): Promise<void> {
    await this.batcher.idle();
    await this.certifier.dispose();
  }
}
