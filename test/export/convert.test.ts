/** The conversion by npx tf2onnx: it shows Python's own error, waits for nothing without a limit, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeGraphModel } from '../../src/export/graph-model/graph-model.ts';
import type { DenseLayer } from '../../src/network/plain-network.ts';

const CHILD = fileURLToPath(new URL('../support/command/convert-child.ts', import.meta.url));

let scratch: string;
/** Folders of one conversion's own: for temporary files, for its user's files, and for programs that come before others. */
let temporary: string;
let home: string;
let tools: string;

const dense = (inputs: number, outputs: number): DenseLayer => ({
  kind: 'dense',
  inputs,
  outputs,
  weights: new Float32Array(inputs * outputs).fill(0.1),
  bias: new Float32Array(outputs),
  activation: 'none',
  orthogonal: false,
});

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-convert-'));
  await writeGraphModel({ encoder: [dense(4, 3)], head: dense(3, 2) }, [2, 2, 1], join(scratch, 'whole'));
});
after(() => rm(scratch, { recursive: true }));

beforeEach(async () => {
  const folder = await mkdtemp(join(scratch, 'case-'));
  [temporary, home, tools] = ['temporary', 'home', 'tools'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [temporary, home, tools]) await mkdir(made);
});

function start(model: string, limit?: number, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const { CI: _, ...inherited } = process.env;
  return spawn(process.execPath, ['--import', 'tsx', CHILD, model, ...(limit === undefined ? [] : [String(limit)])], {
    env: {
      ...inherited,
      HOME: home,
      TMPDIR: temporary,
      PATH: [tools, process.env['PATH']].join(delimiter),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function end(child: ChildProcess) {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((done) => {
    child.on('close', (...how) => done(how));
  });
  return { code, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

const convert = (...args: Parameters<typeof start>) => end(start(...args));

/** Puts a script in npx's place. */
const npx = (script: string) => writeFile(join(tools, 'npx'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

/** An npx that hangs with a child, whose number it writes to a file in `tools`, as npx has Python for a child. */
const HANGING =
  'echo "npm notice waiting"; sleep 600 &\necho $! >"$(dirname "$0")/pid.new"\nmv "$(dirname "$0")/pid.new" "$(dirname "$0")/pid"\nwait';

async function untilThere(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) return text;
    await new Promise((wake) => {
      setTimeout(wake, 20);
    });
  }
}

/** Waits until the process has ended, for which a killed one takes a moment. A zombie has. */
async function untilEnded(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    if (status === null || /\) Z /.test(status)) return;
    await new Promise((wake) => {
      setTimeout(wake, 20);
    });
  }
}

// The limit is for what would hang for ever.
describe('a conversion', { timeout: 300_000 }, () => {
  it('asks no registry, and writes nothing to the home of its user', async () => {
    let asked = 0;
    const server = createServer((socket) => {
      asked++;
      socket.on('error', () => {});
    });
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
    try {
      const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const setting = { npm_config_registry: registry, npm_config_update_notifier: 'true' };
      const { code, stdout, stderr } = await convert(join(scratch, 'whole/model.json'), undefined, setting);
      assert.equal(code, 0, stderr);
      assert.ok(Number(stdout) > 2);
      assert.equal(asked, 0);
      assert.deepEqual(await readdir(home), []);
      assert.deepEqual(
        (await readdir(temporary)).filter((name) => name.startsWith('glean-')),
        [],
      );
    } finally {
      server.close();
    }
  });

  it('works for a folder of any name', async () => {
    const odd = join(scratch, ` a'b"(c)#&;:$%41\\?*é日`);
    await cp(join(scratch, 'whole'), odd, { recursive: true });
    const { code, stderr } = await convert(join(odd, 'model.json'));
    assert.equal(code, 0, stderr);
  });

  it("shows Python's error, and names the file with all that was said", async () => {
    const broken = join(scratch, 'broken');
    await cp(join(scratch, 'whole'), broken, { recursive: true });
    await truncate(join(broken, 'weights.bin'), 10);
    const { code, stderr } = await convert(join(broken, 'model.json'));
    assert.equal(code, 1);
    const [heading, said, last, ...rest] = stderr.split('\n');
    assert.equal(heading, `tf2onnx failed with exit code 1 on ${join(broken, 'model.json')}:`);
    assert.equal(said, 'ValueError: buffer is smaller than requested size');
    const log = /^all of its output is in (.+\.log)$/.exec(last!)![1]!;
    assert.deepEqual(rest, []);
    assert.match(await readFile(log, 'utf8'), /Traceback \(most recent call last\):\n {2}File /);
  });

  it('finds the error among what npm, TensorFlow and a warning say after it and before it', async () => {
    await npx(`cat >&2 <<'SAID'
npm warn Unknown env config "python". This will stop working in the next major version of npm.
2026-11-26 09:02:22.281510: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate compiler flags.
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
E0000 00:00:1764147742.238416   12345 cuda_dnn.cc:8310] Unable to register cuDNN factory
<frozen runpy>:128: RuntimeWarning: 'tf2onnx.convert' found in sys.modules
2026-11-26 09:08:46,793 - INFO - Using opset <onnx, 18>
2026-11-26 09:08:46,800 - ERROR - tf2onnx.tfonnx: Tensorflow op [a: Mystery] is not supported
Traceback (most recent call last):
  File "convert.py", line 1, in <module>
    main()
ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "convert.py", line 2, in <module>
    main()
    ^^^^^^
RuntimeError: the message
has two lines
npm notice
npm notice New major version of npm available! 10.8.2 -> 11.6.0
npm notice Changelog: https://github.com/npm/cli/releases/tag/v11.6.0
npm notice To update run: npm install -g npm@11.6.0
npm notice
npm error code 1
SAID
exit 1`);
    const { stderr } = await convert(join(scratch, 'whole/model.json'));
    assert.deepEqual(stderr.split('\n').slice(1, -1), [
      '2026-11-26 09:08:46,800 - ERROR - tf2onnx.tfonnx: Tensorflow op [a: Mystery] is not supported',
      'ValueError: first',
      'During handling of the above exception, another exception occurred:',
      'RuntimeError: the message',
      'has two lines',
    ]);
  });

  for (const [what, script, message] of [
    ['npm alone speaks', 'echo "npm error canceled" >&2; exit 1', /exit code 1 on .*\nnpm error canceled\n/],
    ['nothing is said', 'exit 3', /exit code 3 on .*\nit said nothing\n/],
    ['a signal ends it', 'kill -SEGV $$', /was ended by SIGSEGV on /],
    ['it ends well without a model', 'exit 0', /wrote no model on /],
  ] as const) {
    it(`says so where ${what}`, async () => {
      await npx(script);
      const { code, stderr } = await convert(join(scratch, 'whole/model.json'));
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }

  it('says so where there is no npx', async () => {
    const { stderr } = await convert(join(scratch, 'whole/model.json'), undefined, { PATH: tools });
    assert.match(stderr, /npx does not start: .*ENOENT.*expected it on PATH/);
  });

  it('is stopped at its limit, with all that it started', async () => {
    await npx(HANGING);
    const child = convert(join(scratch, 'whole/model.json'), 3000);
    const pid = Number(await untilThere(join(tools, 'pid')));
    const { code, stderr } = await child;
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tf2onnx did not end within 3 s and was stopped on .*\nit said nothing\nall of its output is in /,
    );
    await untilEnded(pid);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`ends at ${signal}, with all that it started, and leaves no files`, async () => {
      await npx(HANGING);
      const child = start(join(scratch, 'whole/model.json'));
      const ended = end(child);
      const pid = Number(await untilThere(join(tools, 'pid')));
      child.kill(signal);
      assert.equal((await ended).signal, signal);
      await untilEnded(pid);
      assert.deepEqual(
        (await readdir(temporary)).filter((name) => name.startsWith('glean-')),
        [],
      );
    });
  }
});
