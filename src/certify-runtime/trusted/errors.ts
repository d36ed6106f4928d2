/** The errors of the certifier: one base class with a stable code, one class per failure. */

/** The codes of the certifier's errors, then those of training, export, the service and the page. */
export type ErrorCode =
  | 'ONNX_FORMAT'
  | 'UNPROVABLE'
  | 'CERTIFICATE'
  | 'PROVIDER'
  | 'INPUT'
  | 'SIGNATURE'
  | 'CONTRADICTED'
  | 'BACKEND'
  | 'CHECKPOINT'
  | 'DIVERGED'
  | 'ENVIRONMENTS'
  | 'TF2ONNX'
  | 'HTTP'
  | 'SERVE'
  | 'NO_GRADIENT'
  | 'SUPERSEDED';

/** The base of glean's deliberate errors: `code` is stable, `details` are for programs, `cause` is what was caught. */
export class GleanError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}

/** The bytes are not an ONNX file that glean reads: they are cut off, malformed, or ambiguous to other readers. */
export class OnnxFormatError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('ONNX_FORMAT', message, details, options);
  }
}

/** The graph contains an operator, attribute or shape that has no rule, so nothing is proven about it. */
export class UnprovableError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('UNPROVABLE', message, details, options);
  }
}

/** The file's certificate is absent, malformed, or claims what its bytes do not prove. */
export class CertificateError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('CERTIFICATE', message, details, options);
  }
}

/** The execution provider does not compute what was certified (TF32, fp16, a bug). */
export class ProviderError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('PROVIDER', message, details, options);
  }
}

/** An input (image, pixels, option) is not what the model or the call takes. */
export class InputError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('INPUT', message, details, options);
  }
}

/** The signature is absent, malformed, made with another key, or made for other bytes. */
export class SignatureError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('SIGNATURE', message, details, options);
  }
}

/**
 * What was measured contradicts what was proven: a lower bound from running the network is above the upper bound of the
 * proof. One of them is wrong, and the file is refused.
 */
export class ContradictionError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super('CONTRADICTED', message, details, options);
  }
}
