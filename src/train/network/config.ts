/** The `network` part of a training configuration. */
import * as v from 'valibot';
import { positiveInteger } from '../data/numbers.ts';

const evenInteger = v.pipe(positiveInteger, v.multipleOf(2, 'MaxMin pairs units: an even number is needed'));

const convolutionSchema = v.strictObject({
  /** Channels of its output. */
  channels: evenInteger,
  /** Side of the kernel. */
  kernel: positiveInteger,
  /** The image is first taken in groups of down × down pixels to the channels. */
  down: v.optional(positiveInteger, 1),
});

export const networkSchema = v.pipe(
  v.strictObject({
    /** The encoder's convolutions; none: a dense encoder. */
    conv: v.optional(v.array(convolutionSchema), []),
    /** Outputs of each dense layer of the encoder. */
    hidden: v.array(evenInteger),
    /** Cayley-orthogonal layers with MaxMin; false: plain layers of the same shape with ReLU, for comparisons. */
    lipschitz: v.optional(v.boolean(), true),
    /** τ of a Lipschitz network's head, kept fixed; by default it is learned. */
    temperature: v.exactOptional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
  }),
  v.forward(
    v.check(({ conv, hidden }) => conv.length + hidden.length > 0, 'the encoder needs at least one layer'),
    ['hidden'],
  ),
);
