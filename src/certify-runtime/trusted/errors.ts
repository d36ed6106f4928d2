/** The errors of the certifier: one base class with a stable code, one class per failure. */

/** Base of every error glean throws on purpose; `code` is stable, `details` are for programs. */
export class GleanError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}

/** The bytes are not an ONNX file that glean reads: cut off, malformed, or ambiguous to other readers. */
export class OnnxFormatError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('ONNX_FORMAT', message, details);
  }
}

/** The graph holds an operator, attribute or shape that has no rule, so nothing is proven about it. */
export class UnprovableError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('UNPROVABLE', message, details);
  }
}

/** The file's certificate is absent, malformed, or claims what its bytes do not prove. */
export class CertificateError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('CERTIFICATE', message, details);
  }
}

/** The execution provider does not compute what was certified (TF32, fp16, a bug). */
export class ProviderError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('PROVIDER', message, details);
  }
}

/** An input (image, pixels, option) is not what the model or the call takes. */
export class InputError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('INPUT', message, details);
  }
}

/** The signature is absent, malformed, by another key, or of other bytes. */
export class SignatureError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('SIGNATURE', message, details);
  }
}

/**
 * What was measured contradicts what was proven: a lower bound from running the network is above the upper bound of the
 * proof. One of them is wrong, and the file is refused.
 */
export class ContradictionError extends GleanError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super('CONTRADICTED', message, details);
  }
}
