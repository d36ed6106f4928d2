/** `glean batch MODEL --in PATH --out PATH`: proves the model once, and certifies a table of images with Spark. */
import { declareCommand } from '../terminal/command.ts';
import { choice, flag, type Given, realNumber, text, wholeNumber } from '../terminal/options.ts';

const IN = 'What goes in:';
const OUT = 'What comes out:';
const SPARK = 'Spark:';
const MOST = 2 ** 31 - 1;

const POSITIONALS = { model: text('sealed ONNX file', { required: true }) };
const OPTIONS = {
  key: text('public key (PEM) that must have signed the model'),
  signature: text('signature file (default: MODEL.sig)', { implies: 'key' }),
  in: text('Parquet, or with --files a folder of image files; a path of Spark', { required: true, group: IN }),
  files: flag('--in is a folder of PNG, JPEG or WebP files, at any depth', { group: IN }),
  imageColumn: text('column of images', { default: 'image', group: IN }),
  content: choice(
    'whether the column holds encoded files, or H·W·C pixels as bytes or numbers',
    ['encoded', 'pixels'],
    {
      default: 'encoded',
      group: IN,
    },
  ),
  direct: flag('workers open the Parquet files themselves, which must be where they can: faster', { group: IN }),
  out: text('folder of Parquet to write, which must not be there yet', { required: true, group: OUT }),
  labelColumn: text('column of true labels (index or name of the class), for certified accuracy', { group: OUT }),
  minRadius: realNumber('least radius to call an image certified', { above: 0, group: OUT }),
  prefix: text("what the names of the answers' columns begin with", { group: OUT }),
  maxErrors: wholeNumber('stop if more images cannot be read; otherwise each is a row with an error', {
    least: 0,
    most: MOST,
    group: OUT,
  }),
  resume: text('folder that remembers what is done: run the same line again to go on after a kill', {
    group: SPARK,
    conflicts: 'direct',
  }),
  filesPerStep: wholeNumber('files between two checkpoints', { least: 1, most: MOST, default: 100, group: SPARK }),
  batch: wholeNumber('images in one run of the model', { least: 1, most: 65_536, default: 64, group: SPARK }),
  master: text('address of the cluster', { default: 'local[*]', group: SPARK }),
  python: text(
    'Python that has glean-certify and pyspark (default: PYSPARK_PYTHON, else python/.venv of a clone, else python3)',
    { group: SPARK },
  ),
  json: flag('print the counts as JSON'),
};

export type BatchArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const batchCommand = declareCommand({
  name: 'batch',
  describe: 'certify a table or a folder of images with Spark, on this machine or a cluster',
  positionals: POSITIONALS,
  options: OPTIONS,
});
