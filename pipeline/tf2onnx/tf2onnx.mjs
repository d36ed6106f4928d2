#!/usr/bin/env node
/**
 * `npx tf2onnx …`: the Python package tf2onnx, from the virtual environment that `make setup` made, arguments
 * unchanged.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const environment = fileURLToPath(new URL('../../.venv/', import.meta.url));
const python = `${environment}bin/python`;
if (!existsSync(python)) {
  console.error(`tf2onnx: ${python} is missing; run 'make setup' first`);
  process.exit(1);
}
// Keras writes its settings to the user's home unless it is told another folder.
const KERAS_HOME = process.env.KERAS_HOME ?? `${environment}keras`;
// With -I, neither PYTHONPATH, PYTHONHOME nor the current folder can put other packages before the environment's.
const child = spawn(python, ['-I', '-m', 'tf2onnx.convert', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, KERAS_HOME, TF_CPP_MIN_LOG_LEVEL: '2', CUDA_VISIBLE_DEVICES: '-1' },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`tf2onnx: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (status, signal) => {
  process.exitCode = status ?? 128 + constants.signals[signal];
});
