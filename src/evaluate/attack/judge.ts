/** The judge of an attack: the deployed program, which says what label an image has and what radius it claims. */
import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';

/** Answers for n images, one after the other. */
export interface Answers {
  readonly labels: ArrayLike<number>;
  readonly radii: ArrayLike<number>;
  /** [n, K]. */
  readonly logits: Float32Array;
}

export interface Judge {
  /** H, W, C. */
  readonly shape: readonly number[];
  readonly classes: number;
  /** Takes images as float32 pixels, one after the other; the values need not be on [0, 1]. */
  evaluate(images: Float32Array): Promise<Answers>;
}

export interface SessionJudge extends Judge {
  release(): Promise<void>;
}

/** A sealed model on onnxruntime-node as it is deployed: the whole graph, with default options. */
export async function sessionJudge(
  bytes: Uint8Array,
  shape: readonly number[],
  classes: number,
): Promise<SessionJudge> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  const size = shape.reduce((product, length) => product * length, 1);
  const wanted = [TENSORS.label, TENSORS.radius, TENSORS.logits];
  return {
    shape,
    classes,
    async evaluate(images) {
      const n = images.length / size;
      const outputs = await session.run({ [TENSORS.image]: new ort.Tensor('float32', images, [n, ...shape]) }, wanted);
      return {
        labels: Array.from(outputs[TENSORS.label]!.data as BigInt64Array, Number),
        radii: outputs[TENSORS.radius]!.data as Float32Array,
        logits: outputs[TENSORS.logits]!.data as Float32Array,
      };
    },
    release: () => session.release(),
  };
}
