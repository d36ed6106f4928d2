#!/usr/bin/env node
/** `npx tf2onnx …`: the Python package tf2onnx, from the virtual environment that `make setup` made, arguments unchanged. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const python = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
if (!existsSync(python)) {
  console.error(`tf2onnx: ${python} is missing; run 'make setup' first`);
  process.exit(1);
}
const { status, error } = spawnSync(python, ['-m', 'tf2onnx.convert', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', CUDA_VISIBLE_DEVICES: '-1' },
});
if (error) console.error(`tf2onnx: ${error.message}`);
process.exit(status ?? 1);
