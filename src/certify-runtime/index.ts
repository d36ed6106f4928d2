/**
 * What the package offers everywhere: reading sealed files (`Certifier.load` proves them), certificates from numbers,
 * errors.
 */

export type { PixelImage, Pixels } from './run/images.ts';
export type { SignatureOptions } from './signature/signature.ts';
export type { SmoothedCertificate } from './smoothing/certify.ts';
export type { AffineBound, EncoderBound, LayerBound, LinearHead } from './trusted/bounds/bound.ts';
export type { Floats, Precision } from './trusted/bounds/precision.ts';
export {
  CertificateError,
  ContradictionError,
  type ErrorCode,
  GleanError,
  InputError,
  OnnxFormatError,
  ProviderError,
  SignatureError,
  UnprovableError,
} from './trusted/errors.ts';
export type { CertifiedModel } from './trusted/file/certified-model.ts';
export type { Certificate, KnownVector } from './trusted/file/claims.ts';
export { readSealed, type SealedModel } from './trusted/file/sealed.ts';
export {
  imageNorms,
  type MarginCertificate,
  type MarginConstants,
  type MarginTerms,
  marginCertificate,
} from './trusted/margin.ts';
export type {
  Attribute,
  ElementTypeName,
  Graph,
  OnnxNode,
  Tensor,
  TensorData,
  ValueInfo,
} from './trusted/onnx/model.ts';
export { ElementType } from './trusted/onnx/model.ts';
