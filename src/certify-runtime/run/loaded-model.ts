/** A model that was read, proven or vouched for, and opened on a provider. */
import type { EncoderBound } from '../trusted/bounds/bound.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import type { OnnxRuntime, Session } from './providers.ts';

/** What was measured, all of it within the claims. */
export interface SecondOpinion {
  /** The largest lower bound of the Lipschitz constant. */
  readonly lipschitz: number;
  /** The largest float32 error, of latent or logits, as a part of what is claimed of it. */
  readonly float32: number;
  /** Images that the provider ran. */
  readonly images: number;
  /** Whether the latent was computed in float64 too; where not, nothing was measured of its float32 error. */
  readonly float64: boolean;
}

/** What the second opinion is asked of: a model, and the network that its session runs. */
export type OpinionOf = (
  model: CertifiedModel,
  network: Uint8Array,
  program: { readonly runtime: OnnxRuntime; readonly session: Session; readonly provider: string },
) => Promise<SecondOpinion>;

export interface LoadedModel extends CertifiedModel {
  /** What the proof found, never above the claims; null where a signature stands for it. */
  readonly proven: EncoderBound | null;
  /** What was measured besides; null where nothing was proven, or nobody asked. */
  readonly opinion: SecondOpinion | null;
  readonly sha256: string;
  readonly session: Session;
  readonly runtime: OnnxRuntime;
  readonly provider: string;
  readonly certified: boolean;
}
