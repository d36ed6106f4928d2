/** What the page and its worker say to each other: one call, one answer; and progress in between. */
import type { Certificate } from '../../certify-runtime/trusted/file/claims.ts';
import type { Origin } from './content.ts';

/** One model's answer for one picture. */
export interface Answer {
  readonly label: number;
  readonly className: string;
  /** Margin certificate, in ℓ2 of pixels on [0, 1]. */
  readonly radius: number;
  readonly logits: Float32Array;
}

/** CERTIFY's answer for the same picture; label −1 where it abstained. */
export interface SmoothedAnswer {
  readonly label: number;
  readonly className: string | undefined;
  readonly radius: number;
}

export interface ModelAnswers {
  readonly answers: readonly Answer[];
  /** Of the first picture, where it was asked for. */
  readonly smoothed: SmoothedAnswer | undefined;
}

/** What was proven of one model, here and now. */
export interface ModelFacts {
  readonly id: string;
  readonly title: string;
  readonly certificate: Certificate;
  /** Of the file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly origin: Origin;
  readonly provider: string;
  /** Milliseconds for proof, session and known vectors. */
  readonly proofTime: number;
  readonly signature: 'checked' | 'none';
}

export interface Started {
  readonly models: readonly ModelFacts[];
  readonly threads: number;
  readonly isolated: boolean;
  readonly runtimeVersion: string;
  readonly runtimeOrigin: Origin;
}

/** A straight way from the picture across the nearest flip that was found, and what the model says along it. */
export interface Track {
  /** x + δ, the first step with another label: float32 pixels on [0, 1]; undefined where no flip was found. */
  readonly flipDistance: number | undefined;
  /** Radius of the picture itself. */
  readonly radius: number;
  /** Steps · 2352 pixels on [0, 1]; step 0 is the picture. */
  readonly pixels: Float32Array;
  /** Of each step, computed by the certifier; the distance is measured between the pixels, rounded up. */
  readonly steps: readonly (Answer & { readonly distance: number })[];
  /** Points on which the search ran the model. */
  readonly evaluations: number;
}

export interface Calls {
  start: { readonly input: { readonly base: string }; readonly output: Started };
  predict: {
    readonly input: { readonly images: readonly Uint8Array[]; readonly smooth: boolean };
    readonly output: readonly ModelAnswers[];
  };
  worst: { readonly input: { readonly model: number; readonly image: Uint8Array }; readonly output: Track };
  /** Pictures one after the other; answers of each model. */
  batch: { readonly input: { readonly images: Uint8Array }; readonly output: readonly (readonly Answer[])[] };
  /** The test domain, as src/page/build/content.ts writes it. */
  digits: { readonly input: { readonly base: string }; readonly output: Uint8Array };
}

export type CallName = keyof Calls;

export interface Request<Name extends CallName = CallName> {
  readonly id: number;
  readonly call: Name;
  readonly input: Calls[Name]['input'];
}

export type Reply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }
  | { readonly id: number; readonly progress: number };
