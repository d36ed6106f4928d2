/**
 * Converts a TensorFlow.js graph model to ONNX with `npx tf2onnx` (pipeline/tf2onnx), which runs the Python package in
 * the project's environment.
 */
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GleanError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { withTemporaryFolder } from '../../files/temporary.ts';
import { readForeignOnnx } from '../foreign/onnx/read.ts';
import { converterError } from './converter-errors.ts';
import { type Ending, runLimited } from './limited-process.ts';

const OPSET = '18';
const SCRIPT = fileURLToPath(new URL('../../../pipeline/tf2onnx/tf2onnx.mjs', import.meta.url));

/** Milliseconds after which a conversion is given up; our largest network takes a hundredth of this. */
const CONVERSION_LIMIT = 15 * 60_000;

/**
 * What npx needs from the environment, without what an npm that runs us, or its user, has set: no network, and no files
 * in the home folder.
 */
function npxEnvironment(folder: string): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  return {
    ...Object.fromEntries(ours),
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_logs_max: '0',
    npm_config_cache: join(folder, 'npm'),
    npm_config_userconfig: join(folder, 'npmrc'),
    npm_config_globalconfig: join(folder, 'npmrc-global'),
  };
}

/**
 * Fills a folder in which `npx tf2onnx` finds our script and the graph model under plain names: npx puts the folder's
 * `node_modules/.bin` on PATH, which a path with a colon would break, and passes arguments through a shell.
 */
async function furnish(folder: string, modelJson: string): Promise<void> {
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await symlink(SCRIPT, join(folder, 'node_modules/.bin/tf2onnx'));
  await symlink(dirname(resolve(modelJson)), join(folder, 'graph-model'));
}

function describe(ending: Exclude<Ending, { readonly kind: 'interrupted' }>, limit: number): string {
  if (ending.kind === 'limit') return `did not end within ${limit / 1000} s and was stopped`;
  if (ending.kind === 'signal') return `was ended by ${ending.signal}`;
  return ending.status === 0 ? 'wrote no model' : `failed with exit code ${ending.status}`;
}

async function startTf2onnx(args: readonly string[], folder: string, log: string, limit: number): Promise<Ending> {
  const options = { cwd: folder, env: npxEnvironment(folder), log, limit };
  try {
    return await runLimited('npx', ['--no-install', 'tf2onnx', ...args], options);
  } catch (cause) {
    await rm(log, { force: true });
    const reason = `npx does not start: ${(cause as Error).message}; expected it on PATH, it comes with Node.js`;
    throw new GleanError('TF2ONNX', reason, {}, { cause });
  }
}

/**
 * Converts a graph model's `outputs` to ONNX at opset 18. It uses no network, writes nothing to the user's home, and
 * leaves no process behind: neither at the limit nor on Ctrl-C, which ends this process after it has cleaned up.
 *
 * @param limit milliseconds after which the conversion is stopped
 * @throws GleanError with tf2onnx's own error if it fails or is stopped; the file that it names holds all of its output
 */
export async function convertGraphModel(
  modelJson: string,
  outputs: readonly string[],
  limit: number = CONVERSION_LIMIT,
): Promise<OnnxModel> {
  const { ending, log, bytes } = await withTemporaryFolder('glean-tf2onnx-', async (folder) => {
    await furnish(folder, modelJson);
    const log = `${folder}.log`;
    const files = ['--tfjs', `graph-model/${basename(modelJson)}`, '--output', 'model.onnx'];
    const args = [...files, '--opset', OPSET, '--outputs', outputs.join(',')];
    const ending = await startTf2onnx(args, folder, log, limit);
    const done = ending.kind === 'exit' && ending.status === 0;
    return { ending, log, bytes: done ? await readFile(join(folder, 'model.onnx')).catch(() => null) : null };
  });
  if (bytes !== null) {
    await rm(log);
    return readForeignOnnx(bytes);
  }
  if (ending.kind === 'interrupted') {
    await rm(log);
    // Does what the signal would have done without us; the next line runs only if someone else listens for it too.
    process.kill(process.pid, ending.signal);
    throw new GleanError('TF2ONNX', `tf2onnx was interrupted by ${ending.signal} on ${modelJson}`);
  }
  const said = converterError(await readFile(log, 'utf8')) || 'it said nothing';
  const message = `tf2onnx ${describe(ending, limit)} on ${modelJson}:\n${said}\nall of its output is in ${log}`;
  throw new GleanError('TF2ONNX', message, { ending, log });
}
