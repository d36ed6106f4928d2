/** What supervisor and workers say to each other. */
import type { MetricObject } from './metrics.ts';

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

export type ToWorker =
  | { readonly type: 'start'; readonly models: readonly ApprovedModel[]; readonly keys: readonly string[] | undefined }
  | { readonly type: 'model'; readonly model: ApprovedModel }
  | { readonly type: 'unload'; readonly id: string }
  | { readonly type: 'keys'; readonly keys: readonly string[] }
  | { readonly type: 'collect'; readonly request: number }
  | { readonly type: 'metrics'; readonly request: number; readonly text: string }
  | { readonly type: 'stop' };

export type ToSupervisor =
  /** Only now does the worker hear: what was said before is lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'collected'; readonly request: number; readonly metrics: readonly MetricObject[] }
  /** Somebody asked this worker for the metrics of all. */
  | { readonly type: 'scrape'; readonly request: number }
  /** The last numbers of a worker that ends. */
  | { readonly type: 'last'; readonly metrics: readonly MetricObject[] };
