/** TensorFlow.js graph model → ONNX, by `npx tf2onnx` (pipeline/tf2onnx), the Python package in the project's environment. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GleanError } from '../certify-runtime/core/errors.ts';
import type { OnnxModel } from '../certify-runtime/core/onnx/model.ts';
import { readForeignOnnx } from './foreign-onnx/read.ts';

const OPSET = '18';
const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

function run(args: readonly string[]): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((done, fail) => {
    const child = spawn('npx', ['--no-install', 'tf2onnx', ...args], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    child.on('error', fail);
    child.on('close', (status) => done({ status, output }));
  });
}

/**
 * Converts a graph model's `outputs` to ONNX at opset 18.
 *
 * @throws GleanError with tf2onnx's last lines where it fails
 */
export async function convertGraphModel(modelJson: string, outputs: readonly string[]): Promise<OnnxModel> {
  const directory = await mkdtemp(join(tmpdir(), 'glean-'));
  try {
    const path = join(directory, 'model.onnx');
    const { status, output } = await run([
      '--tfjs',
      resolve(modelJson),
      '--output',
      path,
      '--opset',
      OPSET,
      '--outputs',
      outputs.join(','),
    ]);
    if (status !== 0) {
      const last = output.trim().split('\n').slice(-5).join('\n');
      throw new GleanError('TF2ONNX', `tf2onnx failed with exit code ${status} on ${modelJson}:\n${last}`, { status });
    }
    return readForeignOnnx(await readFile(path));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
