/** A classifier as plain ONNX without a certificate, image [N, H, W, C] ↦ logits [N, K]. Baselines have this form. */
import * as v from 'valibot';
import { OnnxFormatError } from '../../certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { networkGraph } from './network-graph.ts';
import { writeOnnx } from './onnx-writer.ts';

/** The key of the notes in the ONNX file's metadata_props. */
const NOTES_KEY = 'glean.plain';

const notesSchema = v.object({
  classes: v.array(v.string()),
  /** σ of the noise on the image in training, which certification uses by default. */
  sigma: v.pipe(v.number(), v.finite(), v.minValue(0)),
  /** Data set, configuration, seed and package versions, as in a certificate. */
  training: v.record(v.string(), v.unknown()),
});

export type PlainNotes = v.InferOutput<typeof notesSchema>;

/** The file of a network, with a note of what made it in its metadata. */
export function plainModel(model: OnnxModel, notes: PlainNotes, producerVersion: string): Uint8Array {
  const { shape, nodes, initializers } = networkGraph(model);
  return writeOnnx({
    irVersion: 8,
    opset: model.opset,
    producerName: 'glean',
    producerVersion,
    graph: {
      name: 'glean',
      nodes,
      initializers,
      inputs: [{ name: TENSORS.image, type: 'float32', dims: ['N', ...shape] }],
      outputs: [{ name: TENSORS.logits, type: 'float32', dims: ['N', notes.classes.length] }],
    },
    metadata: new Map([[NOTES_KEY, JSON.stringify(notes)]]),
  });
}

/**
 * What made the file; undefined if another program did.
 *
 * @throws OnnxFormatError if the note does not have its form
 */
export function readPlainNotes(model: OnnxModel): PlainNotes | undefined {
  const text = model.metadata.get(NOTES_KEY);
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), notesSchema), text);
  if (parsed.success) return parsed.output;
  throw new OnnxFormatError(`metadata '${NOTES_KEY}': ${parsed.issues[0].message}`);
}
