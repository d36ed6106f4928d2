/** What is mutated, and by which tests. */

/** Sources of the trusted part, and the test files that must notice what is switched off in them. */
export interface Part {
  readonly name: string;
  /** Paths below the trusted part. */
  readonly sources: RegExp;
  readonly tests: readonly RegExp[];
}

/**
 * What holds the proof: its own tests, and the attacks that look for a false radius. Left out are ten thousand graphs for
 * each mutant, the hostile files, whose test takes the prover from a folder that it is told, and the tests of whole files.
 */
const PROOF = [
  /^test\/certify-runtime\/trusted\/(?!campaign|combinations|file|formats|hostile|mutation|onnx).*\.test\.ts$/,
  /^test\/evaluate\/attack\/(large-bias|summation-orders|known-radius)\.test\.ts$/,
];

/** What holds the reading of a file and the comparison of its claims. */
const FILE = [
  /^test\/certify-runtime\/trusted\/(file|formats|head\/|mutation|onnx|float64\/refusals|refusals).*\.test\.ts$/,
];

/** Everything in the trusted part but the classes of its errors. */
export const PARTS: readonly Part[] = [
  {
    name: 'the proof',
    sources: /^((bounds|walk|rules|segments)\/.*|head|head-graph|head-nodes|margin)\.ts$/,
    tests: PROOF,
  },
  { name: 'files', sources: /^((file|onnx)\/.*|head-graph-[12]|verify)\.ts$/, tests: FILE },
];
