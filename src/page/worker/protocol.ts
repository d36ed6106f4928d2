/** The messages between the page and its worker: one answer for each call, and progress in between. */
import type { Certificate } from '../../certify-runtime/trusted/file/claims.ts';
import type { Origin } from './content.ts';

/** One model's answer for one picture. */
export interface Answer {
  readonly label: number;
  readonly className: string;
  /** The margin certificate's radius, in ℓ2 of pixels on [0, 1]. */
  readonly radius: number;
  readonly logits: Float32Array;
}

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
  readonly models: readonly ModelFacts[];
  readonly threads: number;
  readonly isolated: boolean;
  readonly runtimeVersion: string;
  readonly runtimeOrigin: Origin;
}

/** A straight way from the picture through the nearest flip that was found, and what the model says along it. */
export interface Track {
  /** The distance of the nearest flip that was found; undefined if none was. */
  readonly flipDistance: number | undefined;
  /** The radius of the picture itself. */
  readonly radius: number;
  /** Steps · 2352 pixels on [0, 1]; step 0 is the picture. */
  readonly pixels: Float32Array;
  /** The certifier's answer at each step; the distance is measured between the pixels and rounded up. */
  readonly steps: readonly (Answer & { readonly distance: number })[];
  /** The number of points on which the search ran the model. */
  readonly evaluations: number;
}

export interface Calls {
  start: { readonly input: { readonly base: string }; readonly output: Started };
  predict: {
    readonly input: { readonly images: readonly Uint8Array[]; readonly smooth: boolean };
    readonly output: readonly ModelAnswers[];
  };
  worst: { readonly input: { readonly model: number; readonly image: Uint8Array }; readonly output: Track };
  /** Takes pictures one after the other; gives the answers of each model. */
  batch: { readonly input: { readonly images: Uint8Array }; readonly output: readonly (readonly Answer[])[] };
  /** Gives the test domain as src/page/build/content.ts writes it. */
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
