/** What the package offers everywhere: reading sealed files (proving is `Certifier.load`'s), certificates from numbers, errors. */

export type { Certificate, KnownVector } from './claims.ts';
export {
  CertificateError,
  ContradictionError,
  GleanError,
  InputError,
  OnnxFormatError,
  ProviderError,
  SignatureError,
  UnprovableError,
} from './errors.ts';
export type { PixelImage, Pixels } from './images.ts';
export {
  imageNorms,
  type MarginCertificate,
  type MarginConstants,
  type MarginTerms,
  marginCertificate,
} from './margin.ts';
export type { Attribute, ElementTypeName, Graph, OnnxNode, Tensor, TensorData, ValueInfo } from './onnx/model.ts';
export { ElementType } from './onnx/model.ts';
export type { AffineBound, EncoderBound, LayerBound, LinearHead } from './proof/bound.ts';
export { readSealed, type SealedModel } from './sealed.ts';
export type { SignatureOptions } from './signature.ts';
export type { CertifiedModel } from './signed.ts';
export type { SmoothedCertificate } from './smoothing/certify.ts';
