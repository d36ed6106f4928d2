/** onnxruntime-node with its telemetry off: the only place that imports it, so that no entry point can load it otherwise. */
import * as library from 'onnxruntime-node';
import { switchOffTelemetry } from './telemetry.ts';

// Before any session. A bundler may load the library first, so that the order of imports would not do.
switchOffTelemetry();

export const { InferenceSession, Tensor } = library;
export type InferenceSession = library.InferenceSession;
export type SessionOptions = library.InferenceSession.SessionOptions;
export type Tensor = library.Tensor;
