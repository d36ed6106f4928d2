/**
 * A folder with the project's set-up script and stand-ins for what it calls that needs the network: npm, and Python with pip. The
 * compiler is the machine's own, and so is the loading of what it made.
 */
import { execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CommandResult } from './glean.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What `npm ci` installs: tsx and the headers of Node-API as they are here, and a tfjs-node whose binding gives what a function of the "TensorFlow" beside it gives. */
const NPM = `#!/bin/sh
set -e
echo "npm $*" >>"$LOG"
[ "$1" = ci ] || exit 9
mkdir -p node_modules/kept
[ "$NPM_BEHAVIOUR" = hangs ] && sleep 60
[ "$NPM_BEHAVIOUR" = fails ] && exit 1
ln -s "$INSTALLED/tsx" "$INSTALLED/node-api-headers" node_modules
tfjs=node_modules/@tensorflow/tfjs-node
mkdir -p $tfjs/binding
echo '{ "version": "1.0.0", "main": "index.js" }' >$tfjs/package.json
cat >$tfjs/index.js <<'JS'
const six = require('./lib/napi-v8/tfjs_binding.node');
exports.getBackend = () => 'tensorflow';
exports.matMul = () => ({ dataSync: () => [six] });
JS
echo '' >$tfjs/binding/tfjs_backend.cc
cat >$tfjs/binding/tfjs_binding.cc <<'CC'
#include <node_api.h>
#include "tensorflow/c/c_api.h"
NAPI_MODULE_INIT() {
  napi_value six;
  napi_create_int32(env, TF_Six(), &six);
  return six;
}
CC
`;

const PYTHON = `#!/bin/sh
set -e
case "$1 $2" in
  "--version ") echo "Python 3.11 (stand-in)" ;;
  "-m venv")
    echo "venv" >>"$LOG"
    case "$3" in *[!A-Za-z0-9./_-]*) echo "odd path: $3"; exit 8 ;; esac
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    ;;
  "-m pip")
    echo "pip" >>"$LOG"
    [ "$PIP_BEHAVIOUR" = hangs ] && sleep 60
    [ "$PIP_BEHAVIOUR" = fails ] && exit 1
    tensorflow="$(dirname "$0")/../lib/python3.11/site-packages/tensorflow"
    mkdir -p "$tensorflow/include/tensorflow/c"
    echo 'extern "C" int TF_Six();' >"$tensorflow/include/tensorflow/c/c_api.h"
    echo 'extern "C" int TF_Six() { return 6; }' | c++ -x c++ -fPIC -shared -o "$tensorflow/libtensorflow_cc.so.2" -
    cp "$tensorflow/libtensorflow_cc.so.2" "$tensorflow/libtensorflow_framework.so.2"
    ;;
  "-c "* | *relocatable.py*) ;;
  *) exit 9 ;;
esac
`;

const BROKEN = '#!/bin/sh\necho "$0 $*" >>"$LOG"\nexit 1\n';

/** How the stand-ins behave; by default they install. */
export interface Behaviour {
  readonly npm?: 'fails' | 'hangs';
  readonly pip?: 'fails' | 'hangs';
  /** Whether there is no usable Python, no compiler, and npm fails at whatever it is asked. */
  readonly bare?: boolean;
  /** The version that Node.js says it is. */
  readonly node?: string;
}

async function program(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** Copies what set-up reads to `folder`, and puts the stand-ins into `tools`. */
export async function standInProject(folder: string, tools: string): Promise<void> {
  for (const file of [
    ...['package.json', 'package-lock.json', '.npmrc', 'pipeline/setup.sh', 'pipeline/python'],
    ...['src/certify-runtime/package.json', 'pipeline/tf2onnx', 'src/train/before-tfjs.ts'],
  ]) {
    await cp(join(ROOT, file), join(folder, file), { recursive: true });
  }
  await program(join(tools, 'works/npm'), NPM);
  await program(join(tools, 'works/python3.11'), PYTHON);
  for (const name of ['npm', 'python3.10', 'python3.11', 'python3.12', 'python3', 'c++', 'g++', 'clang++']) {
    await program(join(tools, 'bare', name), BROKEN);
  }
}

/** A module after which Node.js says that it is of another version. */
const claim = (version: string): string =>
  `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}', modules: '0' } })`;

function environment(tools: string, { npm, pip, bare = false, node }: Behaviour): NodeJS.ProcessEnv {
  const { PYTHON: _, CXX: __, ...inherited } = process.env;
  return {
    ...inherited,
    PATH: [join(tools, bare ? 'bare' : 'works'), process.env['PATH']].join(delimiter),
    LOG: join(tools, 'log'),
    INSTALLED: join(ROOT, 'node_modules'),
    NPM_BEHAVIOUR: npm ?? '',
    PIP_BEHAVIOUR: pip ?? '',
    NODE_OPTIONS: node === undefined ? '' : `--import data:text/javascript,${encodeURIComponent(claim(node))}`,
  };
}

/** Runs a program in `folder` to its end, with the stand-ins before all else on PATH. */
export async function runBeside(
  tools: string,
  behaviour: Behaviour,
  folder: string,
  [name, ...args]: readonly [string, ...string[]],
): Promise<CommandResult> {
  try {
    const options = { cwd: folder, env: environment(tools, behaviour) };
    return { code: 0, ...(await promisify(execFile)(name, args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** Runs the folder's set-up script to its end. */
export function setUp(
  folder: string,
  tools: string,
  args: readonly string[] = [],
  behaviour: Behaviour = {},
): Promise<CommandResult> {
  return runBeside(tools, behaviour, folder, [join(folder, 'pipeline/setup.sh'), ...args]);
}

/** Starts the set-up script, and ends it and all that it started with SIGKILL once `reached` says so. */
export async function killSetUp(
  folder: string,
  tools: string,
  behaviour: Behaviour,
  reached: () => Promise<boolean>,
): Promise<void> {
  const child = spawn(join(folder, 'pipeline/setup.sh'), {
    env: environment(tools, behaviour),
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise((done) => {
    child.on('exit', done);
  });
  while (!(await reached())) {
    if (child.exitCode !== null) throw new Error(`set-up ended by itself, with ${child.exitCode}`);
    await new Promise((wake) => {
      setTimeout(wake, 20);
    });
  }
  process.kill(-child.pid!, 'SIGKILL');
  await ended;
}
