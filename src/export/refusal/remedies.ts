/**
 * One thing to do about each refusal. The proof's own messages are short, and say where and why; what may help depends
 * on the programs that people have, and nothing rests on it, so it stands here.
 */

type Remedy = readonly [reason: RegExp, remedy: string];
type Known = readonly [reason: string | null, remedy: string];

const SIMPLIFY = 'fold its constants with onnxsim (onnxsim model.onnx simple.onnx) and seal the result';
const CHECK = 'check the file with onnx.checker.check_model, and export it again';
const EVALUATION = 'export it in evaluation mode: call model.eval() before torch.onnx.export';
const FLOAT32 = 'export the network in float32, before it is quantised or cast';
const CONVERT = 'convert it to opset 18 with onnx.version_converter.convert_version(model, 18)';
const STANDARD =
  'export it with standard operators only, and put functions in line with onnx.inliner.inline_local_functions';
const BATCH = 'keep the first axis for the batch, and export it with a free size (dynamic_axes, dynamic_shapes)';
const RESCALE = 'bring its weights to a usual size, for example by normalising each layer';
const SMALLER = 'use a smaller layer or smaller images';
const NO_PRODUCT = 'use layers that only weigh and add (dense, convolution, pooling) in its place';
const LINEAR = 'end the network in one dense layer, or name the tensor that it gives with --logits';
const REPORT = 'report the file, see SECURITY.md';
const PLAIN_PAD = 'write its pads in numbers, none of them as large as the kernel';

/** By operator, where the operator as such is the matter: why it has no rule, and what to use. */
export const OPERATORS: ReadonlyMap<string, Known> = new Map<string, Known>([
  [
    'Softmax',
    [
      'attention has no finite Lipschitz constant: its weights and what they weigh both depend on the image',
      'use convolutions or dense layers in place of attention',
    ],
  ],
  ...['LSTM', 'GRU', 'RNN'].map((op): [string, Known] => [
    op,
    ['its gates multiply values that all depend on the image', 'use a feed-forward encoder'],
  ]),
  ...['LayerNormalization', 'InstanceNormalization', 'GroupNormalization', 'LpNormalization', 'RMSNormalization'].map(
    (op): [string, Known] => [
      op,
      [
        'it divides by a spread that depends on the image and may be close to 0',
        'use BatchNormalization, or only subtract the mean (LayerCentering)',
      ],
    ],
  ),
  ['Sqrt', ['its slope at 0 is not finite', 'leave the root out, or take it of a sum of squares x·x']],
  ['Exp', ['its slope has no bound', 'use an activation with a bounded slope, such as Softplus']],
  ['Pow', ['its slope has no bound', 'use Abs or Relu']],
  ['Log', ['its slope at 0 is not finite', 'use Softplus, or leave it out']],
  ['Reciprocal', ['its slope at 0 is not finite', 'divide by a constant']],
  ...['Where', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'And', 'Or'].map(
    (op): [string, Known] => [
      op,
      ['what it chooses may jump, and a jump has no Lipschitz constant', 'write it with Max, Min, Relu, Abs or Clip'],
    ],
  ),
  ...['Floor', 'Ceil', 'Round', 'Sign', 'ArgMax', 'ArgMin'].map((op): [string, Known] => [
    op,
    ['it jumps, and a jump has no Lipschitz constant', 'leave it out, or end the network before it with --logits'],
  ]),
  ...['If', 'Loop', 'Scan'].map((op): [string, Known] => [
    op,
    [null, `export it without control flow, or ${SIMPLIFY}`],
  ]),
  ['Resize', [null, "use mode 'nearest' with a whole factor, or ConvTranspose"]],
]);

/** What to do where an operator has no rule and nothing better is known. */
export const WITHOUT_RULE =
  'use an operator that has a rule in its place (docs/bring-your-own.md says which have none)';
/** The same for operators on shapes and constants. */
export const ON_SHAPES = SIMPLIFY;

/** By reason, the first that fits. */
const REMEDIES: readonly Remedy[] = [
  [/cannot be read/, 'check its path'],
  [/external|second file|data_location/i, 'export it with external_data=False, or put the file of weights beside it'],
  [/limit of the verifier|more than (\d+|the certifier)|too long for float32/, SMALLER],
  [/overflow/, RESCALE],
  [/training/, EVALUATION],
  [/as the root of a sum of squares/, 'leave the root out, or take it of a sum of squares x·x'],
  [/takes float32 and float64;|must be float32; put a Cast|it must be a Cast to/, FLOAT32],
  [/must be (float|int)\d|only a cast to|casts? between|element type|float16|quanti|is no u?int\d/, FLOAT32],
  [/domain|function/, STANDARD],
  [/ir_version|has opset|operator set/, CONVERT],
  [/would be broadcast|broadcast/, 'make both branches of one shape, with Expand on constants only'],
  [/no rule for constants|must be a constant|be constants|neither a constant|must depend on the image/, SIMPLIFY],
  [/integers?\b|index|its target|allowzero|shape of a shape|range of|lists? of|sizes \[|batch size|parts of/, SIMPLIFY],
  [/batch|samples|has rank 1|is missing in the batch/, BATCH],
  [/product of two|multipl|x·x|squares/, NO_PRODUCT],
  [/quotient by|divides by|divided by/, 'divide by a constant that is not close to 0'],
  [/windows? that overlap/, 'use a pool whose stride is its kernel'],
  [/padding|count_include_pad|auto_pad|ceil_mode|pads\b/, PLAIN_PAD],
  [/a pool|Pad of/, "use the pool's own pads in place of a Pad"],
  [/1-D and 2-D|spatial/, 'use layers of one or two spatial dimensions'],
  [/not finite|no finite|so large|flush|NaN|-?Infinity|2²⁴|2¹⁰|variance/, RESCALE],
  [/\bhead\b|last layer|linear layer/, LINEAR],
  [
    /latent|no layer before|from the image/,
    'seal a network with at least one layer between the image and its last one',
  ],
  [/mode \w+ has no rule/, 'use a mode that has a rule: constant, reflect, edge or wrap'],
  [/attribute \w+ (has no rule|must be)/, `leave it at its default, or ${CONVERT}`],
  [/axes|axis|perm|starts|steps?\b|k = \[/, CHECK],
  [
    /fit|bias|not the size|repeat|twice|already defined|not defined before|has no name|missing|rank|kernel|divide/,
    CHECK,
  ],
  [/changed it|measured|second opinion/, REPORT],
  [/ONNX Runtime does not run/, CONVERT],
  [/sizes for \d+ outputs/, CHECK],
  [/output '|outputs/, 'name the output that holds the logits with --logits'],
  [/ is flat|H,W,C|free: /, 'say what image it takes with --shape H,W,C'],
  [/NCHW or NHWC/, 'say which one it is with --layout'],
  [/classes/, 'give as many names as the network has classes with --classes'],
  [/subnormal/, 'leave session.set_denormal_as_zero off in this process'],
  [/float32 error of the network/, RESCALE],
  [/no node computes|no input|it has no input|must add one constant|first input/, CHECK],
  [/input \S+ (has|holds|must have|must be)|matrix is empty|its order is not defined|dimensions than|is no \d/, CHECK],
  [/has no rule|no bound/, WITHOUT_RULE],
];

/** By the error's code, where no reason fits. */
const BY_CODE: Readonly<Record<string, string>> = {
  ONNX_FORMAT: CHECK,
  UNPROVABLE: `${SIMPLIFY}; if it is still refused, use another layer there`,
  CONTRADICTED: REPORT,
  CERTIFICATE: 'seal the network that it was made from',
  PROVIDER: 'update ONNX Runtime',
  INPUT: 'see glean seal --help',
};

/** The remedy for a reason, or undefined if only the error's code can tell. */
export function remedyFor(op: string | undefined, reason: string): string | undefined {
  if (op !== undefined && /this operator has no rule$/.test(reason)) return OPERATORS.get(op)?.[1] ?? WITHOUT_RULE;
  return REMEDIES.find(([pattern]) => pattern.test(reason))?.[1];
}

export function remedyByCode(code: string): string {
  return BY_CODE[code] ?? 'see docs/bring-your-own.md';
}
