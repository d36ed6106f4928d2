/** The `network` part of a training configuration. */
import * as v from 'valibot';
import { positiveInteger } from '../data/numbers.ts';

const evenInteger = v.pipe(positiveInteger, v.multipleOf(2, 'MaxMin pairs units: an even number is needed'));

const convolutionSchema = v.strictObject({
  /** Channels of the convolution's output. */
  channels: evenInteger,
  /** Side of the kernel. */
  kernel: positiveInteger,
  /** Before the convolution, each group of down × down pixels becomes channels of one pixel. */
  down: v.optional(positiveInteger, 1),
});

export const networkSchema = v.pipe(
  v.strictObject({
    /** The encoder's convolutions; if there are none, the encoder is dense. */
    conv: v.optional(v.array(convolutionSchema), []),
    /** Outputs of each dense layer of the encoder. */
    hidden: v.array(evenInteger),
    /**
     * If true, layers are Cayley-orthogonal with MaxMin; if false, plain ones of the same shape with ReLU, for
     * comparisons.
     */
    lipschitz: v.optional(v.boolean(), true),
    /** How orthogonal matrices are parametrised, by a name in network/layers.ts; by default the Cayley transform. */
    orthogonal: v.exactOptional(v.string()),
    /** τ of a Lipschitz network's head, kept fixed; by default it is learned. */
    temperature: v.exactOptional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
  }),
  v.forward(
    v.check(({ conv, hidden }) => conv.length + hidden.length > 0, 'the encoder needs at least one layer'),
    ['hidden'],
  ),
);
