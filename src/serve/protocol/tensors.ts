/** The tensors of the Open Inference Protocol that a glean model has: their names, types and byte layout. */

export interface ModelInput {
  /** Height, width and channels. */
  readonly shape: readonly number[];
  /** The number of values, H·W·C. */
  readonly size: number;
}

/** Pixels as bytes, which stand for byte/255, or as floats on [0, 1]. */
export type Pixels = Float32Array | Uint8Array;

export const INPUT = 'image';
/** The outputs that are always there. */
export const OUTPUTS = ['label', 'radius', 'logits'] as const;
/** The output that is there where a least radius holds. */
export const CERTIFIED = 'certified';
export type OutputName = (typeof OUTPUTS)[number] | typeof CERTIFIED;
export const OUTPUT_TYPES = {
  label: 'INT64',
  radius: 'FP32',
  logits: 'FP32',
  certified: 'BOOL',
} as const satisfies Record<OutputName, string>;
export const BYTES_PER_VALUE = { FP32: 4, UINT8: 1, INT64: 8, BOOL: 1 } as const;
export const INPUT_TYPES = ['FP32', 'UINT8'] as const;
export type InputType = (typeof INPUT_TYPES)[number];

/** The header with the length of the JSON in a body that continues with raw tensors. */
export const HEADER_LENGTH = 'inference-header-content-length';
