/** onnxruntime-node with its telemetry off: the only place that imports it, so that no entry point can load it otherwise. */
import './telemetry.ts';

export * from 'onnxruntime-node';
