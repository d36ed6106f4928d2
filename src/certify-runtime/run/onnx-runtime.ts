/** onnxruntime-node with its telemetry off. Nothing else imports it, so no entry point can load it otherwise. */
import * as library from 'onnxruntime-node';
import { switchOffTelemetry } from './telemetry.ts';

// This must run before any session is made. A bundler may load the library first, so the order of imports would not be
// enough.
switchOffTelemetry();

export const { InferenceSession, Tensor } = library;
export type InferenceSession = library.InferenceSession;
export type SessionOptions = library.InferenceSession.SessionOptions;
export type Tensor = library.Tensor;
