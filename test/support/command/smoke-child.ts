/**
 * The whole way of a model on the Node.js that runs this program: set-up's check, training, export, verification, prediction, service.
 * Takes a folder with config.json, the images that it names, and picture.png, and writes its results there.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { glean, runProgram } from './glean.ts';

const folder = process.argv[2]!;
const path = (...names: string[]) => join(folder, process.version, ...names);
const picture = join(folder, 'picture.png');

assert.deepEqual(await runProgram('pipeline/setup.sh', ['--check']), { code: 0, stdout: '', stderr: '' });

/** What the command prints on standard output; on standard error it must print no warning of Node.js. */
async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await glean(...args);
  assert.equal(code, 0, `glean ${args.join(' ')}: ${stderr}`);
  assert.doesNotMatch(stderr, /warning/i);
  return stdout;
}

const prepared = ['--cache-dir', path('prepared')];
await succeed('train', join(folder, 'config.json'), '--out', path('run'), ...prepared);
await succeed('export', path('run'), '--out', path('models/small'), ...prepared);
const model = path('models/small/model.onnx');
const { verified } = JSON.parse(await succeed('verify', model, '--json')) as { verified: boolean };
assert.equal(verified, true);
const { label, radius } = JSON.parse(await succeed('predict', model, picture, '--json')) as Answer;

interface Answer {
  readonly label: number;
  readonly radius: number;
}

const service = await ServiceProcess.start('--models', path('models'), '--drain', '0');
try {
  const body = await readFile(picture);
  const response = await fetch(`${service.url}/predict`, { method: 'POST', body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const answer = JSON.parse(text) as Answer;
  assert.equal(answer.label, label);
  assert.ok(Math.abs(answer.radius - radius) <= 1e-6, `${answer.radius} from the service, ${radius} from the command`);
} finally {
  assert.equal(await service.stop(), 0, service.stderr);
}
assert.equal(service.stderr, '');
console.log(process.version);
