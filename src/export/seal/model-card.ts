/** The model card: the README.md beside a sealed model, in Hugging Face's form, with front matter. */
import type { VerifiedModel } from '../../certify-runtime/trusted/verify.ts';

export interface ModelCard {
  readonly id: string;
  readonly title: string;
  readonly dataset: {
    readonly title: string;
    readonly sha256: string;
    readonly licence: string;
    readonly source: string;
    /** What turns in the test domain; absent if nothing does. */
    readonly cue?: string;
  };
  readonly seed: number;
  readonly environments: string;
  /** Markdown about the committee that inferred the environments; absent if none did. */
  readonly committee?: string;
  readonly verified: VerifiedModel;
  /** Markdown tables. */
  readonly marginTable: string;
  readonly smoothingTable: string;
  readonly smoothing: { readonly sigma: number; readonly n: number; readonly n0: number; readonly alpha: number };
  /** Certified accuracy of the margin certificate at r = 0 on the test domain, for the front matter. */
  readonly testAccuracy: number;
}

/** The text as YAML has it: plain where nothing in it could mean anything else, such as a colon, a number or a `no`. */
function scalar(text: string): string {
  const plain = /^[A-Za-z][\w ,./()-]*[\w)]$/.test(text) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}

/** The model's licence, as Hugging Face names it: the project's own, unless that of the images may allow less. */
function licenceFor(images: string): string {
  if (images === 'unknown') return images;
  return images.includes('research') ? 'other' : 'mit';
}

/**
 * The Markdown of the card. Every number in it comes from the arguments, so from the file or from a measurement of it.
 */
export function modelCard(card: ModelCard): string {
  const { verified, smoothing, dataset } = card;
  const { certificate, proven, precision } = verified;
  const [height, width, channels] = certificate.input.shape;
  return `---
license: ${licenceFor(dataset.licence)}
library_name: onnxruntime
pipeline_tag: image-classification
tags:
  - certified-robustness
  - lipschitz
  - domain-generalization
  - onnx
model-index:
  - name: ${scalar(card.id)}
    results:
      - task:
          type: image-classification
        dataset:
          name: ${scalar(dataset.title)}
          type: ${scalar(card.id)}
          split: test
        metrics:
          - type: accuracy
            value: ${(100 * card.testAccuracy).toFixed(1)}
            name: accuracy on the test domain
---

# ${card.title}

\`model.onnx\` classifies images [N, ${height}, ${width}, ${channels}] (pixels on [0, 1]) as ${certificate.classes.map((name) => `“${name}”`).join(' or ')},
and gives with each label a certified ℓ2 radius. Any ONNX Runtime runs it; \`glean verify\` proves its claims from its bytes.

| output | type | |
| --- | --- | --- |
| \`label\` | int64 [N] | index into the classes |
| \`radius\` | float32 [N] | certified ℓ2 radius |
| \`logits\` | float32 [N, ${verified.head.classes}] | y |
| \`latent\` | float32 [N, ${verified.head.latentSize}] | z |

## What the radius promises

No float32 image within ℓ2 distance \`radius\` of the input gets another label from this file, run by any execution provider
that computes in IEEE ${precision === 'float64' ? 'float64 (as the network does inside) and float32' : 'float32'}, in whatever order it sums. It holds with certainty: the encoder's Lipschitz constant is proven to be
at most **${proven.lipschitz}**, and what ${precision} rounding may cost is subtracted.

It does not promise that the label is right, nor anything about changes that are not small in ℓ2 (rotation, blur), nor about
executions in reduced precision (TF32, float16, quantised). A tie, a NaN or pixels on [0, 255] give radius 0.

## Measured

Certified accuracy in %, by domain; \`test\` ${dataset.cue === undefined ? '' : 'is the domain whose spurious correlation is reversed and which '}was never trained on.

Margin certificate (the \`radius\` output):

${card.marginTable}

The paper's protocol: CERTIFY on z (σ = ${smoothing.sigma}, n = ${smoothing.n}, n0 = ${smoothing.n0}, α = ${smoothing.alpha}). It speaks of the
smoothed head, and each certificate holds with probability ${1 - smoothing.alpha}:

${card.smoothingTable}

## Training

- Data: ${dataset.title}. ${dataset.source} Licence: ${dataset.licence}. SHA-256 of pixels, labels and attributes: \`${dataset.sha256}\`.
- Environments: ${card.environments}. Seed ${card.seed}. The whole configuration and all package versions are in the file's metadata, \`glean.certificate\`.
- Last step taken; the test domain played no part in training.
${card.committee === undefined ? '' : `\n${card.committee}\n`}
Written by \`glean export\`.
`;
}
