/** A model that was read, proven or vouched for, and opened on a provider. */
import type { EncoderBound } from '../trusted/bounds/bound.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import type { VerifiedModel } from '../trusted/verify.ts';
import type { OnnxRuntime, Session } from './providers.ts';

/** What was measured; all of it is within the claims. */
export interface SecondOpinion {
  /** The largest lower bound of the Lipschitz constant. */
  readonly lipschitz: number;
  /** The largest float32 error, of latent or logits, as a share of what is claimed for it. */
  readonly float32: number;
  /** How many images the provider ran. */
  readonly images: number;
  /** Whether the latent was computed in float64 too; if not, nothing was measured about its float32 error. */
  readonly float64: boolean;
}

/** Gives the second opinion on a model and the network that its session runs. */
export type OpinionOf = (
  model: VerifiedModel,
  network: Uint8Array,
  program: { readonly runtime: OnnxRuntime; readonly session: Session; readonly provider: string },
) => Promise<SecondOpinion>;

export interface LoadedModel extends CertifiedModel {
  /** What the proof found, never above the claims; null if a signature stands for it. */
  readonly proven: EncoderBound | null;
  /** What was measured in addition; null if nothing was proven or no second opinion was asked for. */
  readonly opinion: SecondOpinion | null;
  readonly sha256: string;
  readonly session: Session;
  readonly runtime: OnnxRuntime;
  readonly provider: string;
  readonly certified: boolean;
}
