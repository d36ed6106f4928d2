/** The messages between the supervisor and its workers. */
import type { MetricObject } from './observe/metrics.ts';

/** A proven model together with its bytes, so that the bytes that were verified are the ones that are served. */
export interface ApprovedModel {
  readonly id: string;
  readonly version: string;
  /** The SHA-256 of `bytes`, in hexadecimal. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /**
   * The supervisor's own signature of `bytes`, by a key that lives as long as the supervisor. It spares the worker a
   * second proof.
   */
  readonly signature: string;
  readonly publicKey: string;
}

/** A file in the models folder that is not served. Only the log says why. */
export interface RefusedModel {
  readonly id: string;
  /** The folder's number; undefined if the version would be the file's digest. */
  readonly version: string | undefined;
}

export type ToWorker =
  | {
      readonly type: 'start';
      readonly models: readonly ApprovedModel[];
      readonly refused: readonly RefusedModel[];
      readonly keys: readonly string[] | undefined;
    }
  /** All files that are refused at present. */
  | { readonly type: 'refused'; readonly models: readonly RefusedModel[] }
  | { readonly type: 'model'; readonly model: ApprovedModel }
  | { readonly type: 'unload'; readonly id: string }
  | { readonly type: 'keys'; readonly keys: readonly string[] }
  | { readonly type: 'collect'; readonly request: number }
  /** The metrics of all workers together. */
  | { readonly type: 'metrics'; readonly request: number; readonly metrics: readonly MetricObject[] }
  /** A connection, which is attached to the message. */
  | { readonly type: 'connection'; readonly connection: number }
  /** The worker will soon end, and its answers must say so. */
  | { readonly type: 'drain' }
  /** No more connections will come. */
  | { readonly type: 'stop' };

export type ToSupervisor =
  /** The worker has begun to listen for messages; earlier ones were lost. */
  | { readonly type: 'hello' }
  /** The worker has loaded its models. */
  | { readonly type: 'ready' }
  | { readonly type: 'took'; readonly connection: number }
  /** This worker was told to end, but the service may not have been. */
  | { readonly type: 'leaving' }
  | { readonly type: 'collected'; readonly request: number; readonly metrics: readonly MetricObject[] }
  /** Somebody asked this worker for the metrics of all workers. */
  | { readonly type: 'scrape'; readonly request: number }
  /** The final metrics of a worker that is ending. */
  | { readonly type: 'last'; readonly metrics: readonly MetricObject[] };
