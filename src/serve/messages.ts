/** What supervisor and workers say to each other. */
import type { MetricObject } from './observe/metrics.ts';

/** A model that was proven, with the bytes that were: what is verified is what is served. */
export interface ApprovedModel {
  readonly id: string;
  readonly version: string;
  /** Of `bytes`, hexadecimal. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /** The supervisor's own signature of `bytes`, by a key that lives as long as it does: the proof need not be done again. */
  readonly signature: string;
  readonly publicKey: string;
}

/** A file in the models folder that is not served; why is for the log alone. */
export interface RefusedModel {
  readonly id: string;
  /** The folder's number; undefined where the version would be the file's digest. */
  readonly version: string | undefined;
}

export type ToWorker =
  | {
      readonly type: 'start';
      readonly models: readonly ApprovedModel[];
      readonly refused: readonly RefusedModel[];
      readonly keys: readonly string[] | undefined;
    }
  /** All that are refused now. */
  | { readonly type: 'refused'; readonly models: readonly RefusedModel[] }
  | { readonly type: 'model'; readonly model: ApprovedModel }
  | { readonly type: 'unload'; readonly id: string }
  | { readonly type: 'keys'; readonly keys: readonly string[] }
  | { readonly type: 'collect'; readonly request: number }
  | { readonly type: 'metrics'; readonly request: number; readonly text: string }
  /** One connection, which comes with the message. */
  | { readonly type: 'connection'; readonly connection: number }
  /** It will soon end: answers say so. */
  | { readonly type: 'drain' }
  /** No more connections come. */
  | { readonly type: 'stop' };

export type ToSupervisor =
  /** Only now does the worker hear: what was said before is lost. */
  | { readonly type: 'hello' }
  /** The worker has its models. */
  | { readonly type: 'ready' }
  | { readonly type: 'took'; readonly connection: number }
  /** The worker alone was told to end. */
  | { readonly type: 'leaving' }
  | { readonly type: 'collected'; readonly request: number; readonly metrics: readonly MetricObject[] }
  /** Somebody asked this worker for the metrics of all. */
  | { readonly type: 'scrape'; readonly request: number }
  /** The last numbers of a worker that ends. */
  | { readonly type: 'last'; readonly metrics: readonly MetricObject[] };
