/** What the digits' page asks its worker. */
import type { Certificate } from '../../certify-runtime/trusted/file/claims.ts';
import type { Answer, Track } from './answers.ts';
import type { Origin } from './content.ts';

/** CERTIFY's answer for the same picture; label −1 if it abstained. */
export interface SmoothedAnswer {
  readonly label: number;
  readonly className: string | undefined;
  readonly radius: number;
}

export interface ModelAnswers {
  readonly answers: readonly Answer[];
  /** The answer for the first picture, if it was asked for. */
  readonly smoothed: SmoothedAnswer | undefined;
}

/** What was proven about one model, on this device and during this visit. */
export interface ModelFacts {
  readonly id: string;
  readonly title: string;
  readonly certificate: Certificate;
  /** SHA-256 of the file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly origin: Origin;
  readonly provider: string;
  /** Milliseconds for proof, session and known vectors. */
  readonly proofTime: number;
  readonly signature: 'checked' | 'none';
}

export interface Started {
  readonly threads: number;
  readonly isolated: boolean;
  readonly runtimeVersion: string;
  readonly runtimeOrigin: Origin;
}

export interface Calls {
  start: { readonly input: { readonly base: string }; readonly output: Started };
  /** Proves a model, after those before it. */
  prove: { readonly input: { readonly model: number }; readonly output: ModelFacts };
  /** Gives the answers of the models that are proven by then. */
  predict: {
    readonly input: { readonly images: readonly Uint8Array[]; readonly smooth: boolean };
    readonly output: readonly ModelAnswers[];
  };
  worst: { readonly input: { readonly model: number; readonly image: Uint8Array }; readonly output: Track };
  /** Takes pictures one after the other; gives the answers of each model. */
  batch: { readonly input: { readonly images: Uint8Array }; readonly output: readonly (readonly Answer[])[] };
  /** Gives the test domain as src/page/build/content.ts writes it. */
  digits: { readonly input: { readonly base: string }; readonly output: Uint8Array };
  /** Fetches every large file that is not kept yet, for visits without a network. */
  keep: { readonly input: { readonly base: string }; readonly output: null };
}
