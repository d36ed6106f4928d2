/** No command writes outside the project, the folders it is given and the temporary folder, and none looks up a name. */
import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { glean, runProgram, SHIPPED_MODEL } from '../support/command/glean.ts';
import { startWatch, type Watch } from '../support/command/watch.ts';

let watch: Watch;
const given = (name: string) => join(watch.folder, name);

before(async () => {
  watch = await startWatch();
  await copyFile(SHIPPED_MODEL, given('model.onnx'));
  const config = JSON.parse(await readFile('pipeline/configs/cmnist.json', 'utf8'));
  config.id = 'small';
  config.network = { hidden: [32, 16] };
  config.optimizer = { steps: 3, perEnvironment: 100, learningRate: 0.01 };
  config.objective.environments.referenceSteps = 3;
  await writeFile(given('small.json'), JSON.stringify(config));
});
after(() => watch.close());

async function nothingOutside(): Promise<void> {
  assert.deepEqual(await watch.outside(), []);
  assert.deepEqual(await watch.home(), []);
}

const PICTURE = 'docs/images/digit-red.png';
const SMALL = ['--data', 'cmnist', '--limit', '2'];

/** In this order: a command may need what another made. */
const COMMANDS: readonly (readonly [name: string, args?: () => readonly string[]])[] = [
  ['--help'],
  ['predict', () => [given('model.onnx'), PICTURE]],
  ['verify', () => [given('model.onnx')]],
  ['certify', () => [given('model.onnx'), ...SMALL, '--svg', given('curve.svg')]],
  ['certify', () => [given('model.onnx'), ...SMALL, '--method', 'smoothing', '--n', '1000']],
  ['attack', () => [given('model.onnx'), ...SMALL, '--svg', given('attack.svg')]],
  ['data', () => ['cmnist', '--preview', given('sheet.png')]],
  ['keygen', () => ['--out', given('key')]],
  ['sign', () => [given('model.onnx'), '--key', given('key.private.pem')]],
  ['seal', () => ['test/fixtures/byo/orthogonium.onnx', '--out', given('sealed.onnx')]],
  ['train', () => [given('small.json'), '--out', given('run')]],
  ['export', () => [given('run'), '--out', given('small')]],
  ['paper', () => ['--list']],
  ['bench', () => ['--section', 'overhead', '--quick']],
];

describe('outside of what it was given', { concurrency: false }, () => {
  for (const [name, args = () => []] of COMMANDS) {
    it(`glean ${name} leaves no trace and asks nobody`, async () => {
      const result = await runProgram(process.execPath, ['bin/glean.mjs', name, ...args()], undefined, watch.env);
      assert.equal(result.code, 0, result.stderr);
      await nothingOutside();
    });
  }

  it('has tried every command there is', async () => {
    const { stdout } = await glean('--help');
    // What Spark writes and where it connects is its own.
    const tried = new Set([...COMMANDS.map(([name]) => name), 'serve', 'batch']);
    for (const [, name] of stdout.matchAll(/^ {2}glean ([a-z]+)/gm)) assert.ok(tried.has(name!), name);
  });

  it('glean serve leaves no trace and asks nobody, in any of its processes', async () => {
    const service = await ServiceProcess.startIn(watch.env, '--models', watch.folder, '--workers', '2');
    const body = await readFile(PICTURE);
    const response = await fetch(`${service.url}/predict`, { method: 'POST', body });
    await service.stop();
    assert.equal(response.status, 200, await response.text());
    await nothingOutside();
  });

  it('sees a program that does: the watch works', async () => {
    const naughty = `
      const { writeFileSync } = require('node:fs');
      writeFileSync(process.env.HOME + '/trace', '');
      require('node:dns').lookup('glean.invalid', () => {});
      require('node:net').connect(9, '192.0.2.1').on('error', () => {}).setTimeout(10, function () { this.destroy(); });`;
    await runProgram(process.execPath, ['-e', naughty], undefined, watch.env);
    const found = (await watch.outside()).map(({ kind, what }) => `${kind} ${what.split('/').at(-1)}`);
    for (const expected of ['write trace', 'lookup glean.invalid', 'connect 192.0.2.1']) {
      assert.ok(found.includes(expected), `${expected} in ${found}`);
    }
    assert.deepEqual(await watch.home(), ['trace']);
  });

  it('is what a user may undo: ONNX Runtime reports where the environment says so', async () => {
    const env = { ...watch.env, ORT_DISABLE_TELEMETRY: '0' };
    await runProgram(process.execPath, ['bin/glean.mjs', 'verify', given('model.onnx')], undefined, env);
    const traces = (await watch.home()).filter((name) => name.includes('.onnxruntime'));
    assert.ok(traces.length > 0, 'the library reports no more: is the switch still needed?');
  });
});
