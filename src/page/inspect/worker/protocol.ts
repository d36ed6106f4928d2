/** What the page for anybody's model asks the worker that holds the model. */
import type { SecondOpinion } from '../../../certify-runtime/run/loaded-model.ts';
import type { Certificate } from '../../../certify-runtime/trusted/file/claims.ts';
import type { Explanation } from '../../../evaluate/explain/explanation.ts';
import type { InputOptions } from '../../../export/foreign/input-layer.ts';
import type { Refusal } from '../../../export/refusal/refusal.ts';
import type { Answer, Track } from '../../worker/answers.ts';

/** How far a proof has come. */
export interface Progress {
  readonly text: string;
  /** The share that is done, and the share at the end of a step during which nothing can be said. */
  readonly share: number;
  readonly until: number;
  /** About how long that step takes, in milliseconds; 0 if it is not such a step. */
  readonly within: number;
}

/** What a file that is not sealed leaves open; the options of `glean seal`. */
export interface SealChoices extends InputOptions {
  readonly classes?: readonly string[];
  readonly logits?: string;
  readonly precision?: 'float32' | 'float64';
}

/** A model that was proven here. */
export interface Opened {
  readonly name: string;
  readonly certificate: Certificate;
  readonly bytes: number;
  readonly sha256: string;
  readonly provider: string;
  readonly runtimeVersion: string;
  /** The bound of image ↦ latent as it was proven here, not as it is claimed. */
  readonly lipschitz: number;
  /** What rounding takes from a typical radius; null if no known picture has one. */
  readonly slack: number | null;
  readonly opinion: SecondOpinion;
  readonly opinionLine: string;
  /** Milliseconds from the call until everything was proven, run and measured. */
  readonly time: number;
  /** Milliseconds that the first answer took. */
  readonly firstAnswer: number;
  /** What was changed and how far the answers are from the original's, if the file was sealed here. */
  readonly sealed: { readonly notes: readonly string[]; readonly deviation: number } | null;
}

/** Where the bound of a model comes from. */
export interface Explained {
  readonly explanation: Explanation;
  /** What `glean verify --explain` and `glean seal --explain` print of it. */
  readonly lines: readonly string[];
}

/** A node of a file that was refused, and what is known of it. */
export interface LookedAt {
  readonly op: string;
  readonly name: string;
  readonly says: string;
  readonly refused: boolean;
}

/** Why a file was refused, with every node that was looked at. */
export interface Refused extends Refusal {
  /** Whether the file said that it is sealed. */
  readonly sealed: boolean;
  readonly nodes: readonly LookedAt[];
}

/** What became of one picture file. */
export type Labelled = Answer | { readonly problem: string };

export interface Calls {
  start: { readonly input: { readonly base: string }; readonly output: null };
  open: {
    readonly input: { readonly file: Blob; readonly name: string; readonly choices: SealChoices };
    readonly output: Opened;
  };
  /** Says where the bound of the open model comes from. */
  explain: { readonly input: null; readonly output: Explained };
  /** Checks a signature of the file that was opened; gives the identifier of the key. */
  vouch: { readonly input: { readonly publicKey: string; readonly signature?: string }; readonly output: string };
  /** Labels picture files one after the other. */
  label: { readonly input: { readonly files: readonly File[] }; readonly output: readonly Labelled[] };
  /** One picture file as the model sees it, H·W·C bytes. */
  see: { readonly input: { readonly file: File }; readonly output: Uint8Array };
  /** Labels H·W·C bytes. */
  answer: { readonly input: { readonly image: Uint8Array }; readonly output: Answer };
  worst: { readonly input: { readonly image: Uint8Array }; readonly output: Track };
  /** The sealed file. */
  file: { readonly input: null; readonly output: Blob };
}
