/**
 * What `glean batch` does around Spark: what it looks at before anything is started, what it hears from the driver, and
 * what it leaves when it is interrupted. Spark itself is in python/spark_tests.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { runDriver } from '../../src/cli/actions/batch/driver.ts';
import { checkJava, checkPython } from '../../src/cli/actions/batch/environment.ts';
import { checkPlaces } from '../../src/cli/actions/batch/places.ts';
import { VERSION } from '../../src/files/version.ts';
import { glean, SHIPPED_MODEL } from '../support/command/glean.ts';

const folder = mkdtempSync(join(tmpdir(), 'glean-batch-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A program that prints this. */
function printing(name: string, text: string, stream: 1 | 2 = 1): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\ncat >&${stream} <<'END'\n${text}\nEND\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('before anything is started', () => {
  const packages = { 'glean-certify': VERSION, pyspark: '4.0.0', pyarrow: '20.0.0', Pillow: '12.0.0' };

  it('Python, its packages and their version are looked at, and each lack has its remedy', async () => {
    await checkPython(printing('python', JSON.stringify(packages)));
    const without = (name: string) => printing(`no-${name}`, JSON.stringify({ ...packages, [name]: null }));
    await assert.rejects(checkPython(join(folder, 'none')), /does not run .*; name a Python .* with --python/);
    await assert.rejects(checkPython(printing('other', 'hello')), /does not run/);
    for (const name of Object.keys(packages)) {
      await assert.rejects(
        checkPython(without(name)),
        new RegExp(`no package ${name}; install it with: .* pip install`),
      );
    }
    const old = printing('old', JSON.stringify({ ...packages, 'glean-certify': '0.0.1' }));
    await assert.rejects(checkPython(old), new RegExp(`glean-certify 0\\.0\\.1, expected ${VERSION}`));
  });

  it('Java is looked for, and an old one is named', async (t) => {
    const home = process.env['JAVA_HOME'];
    t.after(() => {
      if (home === undefined) delete process.env['JAVA_HOME'];
      else process.env['JAVA_HOME'] = home;
    });
    for (const [version, expected] of [
      ['17.0.15', undefined],
      ['21.0.7', undefined],
      ['11.0.2', /is Java 11; Spark needs Java 17 or later/],
      ['1.8.0_402', /is Java 1; Spark needs Java 17/],
    ] as const) {
      process.env['JAVA_HOME'] = join(folder, `java-${version}`);
      printing(`java-${version}/bin/java`, `openjdk version "${version}" 2025-04-15`, 2);
      if (expected === undefined) await checkJava();
      else await assert.rejects(checkJava(), expected);
    }
    process.env['JAVA_HOME'] = join(folder, 'nowhere');
    await assert.rejects(checkJava(), /JAVA_HOME names it; Spark needs Java 17 or later: install it/);
  });

  it('places on this machine are looked at, and leave nothing', async () => {
    const place = join(folder, 'places');
    mkdirSync(join(place, 'there'), { recursive: true });
    writeFileSync(join(place, 'file'), '');
    const check = (more: object) =>
      checkPlaces({
        in: join(place, 'there'),
        out: join(place, 'a/b'),
        resume: undefined,
        master: 'local[*]',
        ...more,
      });
    await check({});
    await check({ in: 's3a://bucket/images', out: 's3a://bucket/answers' });
    await check({ in: join(place, '*.parquet') });
    await check({ out: join(place, 'there'), resume: join(place, 'checkpoint') });
    await check({ in: join(place, 'none'), master: 'yarn' });
    await assert.rejects(check({ in: join(place, 'none') }), /--in .*none: is not there/);
    await assert.rejects(check({ out: join(place, 'there') }), /--out .*there: is there already/);
    await assert.rejects(check({ out: join(place, 'file/out') }), /--out .*: cannot be written, because of .*ENOTDIR/);
    await assert.rejects(check({ resume: '/proc/checkpoint' }), /--resume .*: cannot be written, because of \/proc/);
    assert.deepEqual(readdirSync(place).sort(), ['file', 'there']);
  });

  it('a changed model and a missing Python are refused by the command', async () => {
    const words = ['--in', folder, '--out', join(folder, 'out')];
    const none = await glean('batch', SHIPPED_MODEL, ...words, '--python', join(folder, 'none'), '--json');
    assert.equal(none.code, 2);
    assert.equal(JSON.parse(none.stdout).error.code, 'INPUT');
    const changed = Buffer.from(readFileSync(SHIPPED_MODEL));
    changed[changed.length >> 1]! ^= 1;
    writeFileSync(join(folder, 'changed.onnx'), changed);
    const python = printing('python', JSON.stringify(packages));
    const env = { ...process.env, JAVA_HOME: join(folder, 'java-21.0.7') };
    const child = spawn(
      process.execPath,
      ['bin/glean.mjs', 'batch', join(folder, 'changed.onnx'), ...words, '--python', python],
      { env, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 1, said);
    assert.match(said, /^glean: refused: .*changed\.onnx: /);
    assert.ok(!existsSync(join(folder, 'out')));
  });
});

describe('the driver', () => {
  const run = (script: string, shown: number[] = []) =>
    runDriver('bash', ['-c', script], process.env, ({ images }) => shown.push(images));
  const answer = { n: 2, errors: 0, certified: 1, modelSha256: 'ab' };

  it('is heard: progress and the answer, whatever else is printed', async () => {
    const shown: number[] = [];
    const lines = [
      '{"progress":{"images":1,"total":2,"errors":0}}',
      'noise {',
      '{"progress":{}}',
      JSON.stringify({ answer }),
    ];
    assert.deepEqual(await run(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')}`, shown), { answer });
    assert.deepEqual(shown, [1]);
    // Of no images, no share is right.
    const none = { n: 0, errors: 0, certified: 0, modelSha256: null, accuracy: null, acr: null };
    const empty = { answer: { ...none, certifiedAccuracy: { '0.00': null } } };
    assert.deepEqual(await run(`echo '${JSON.stringify(empty)}'`), empty);
  });

  it('that fails is told by its own error, or by how it ended, and its log is kept', async () => {
    const error = { code: 'TOO_MANY_ERRORS', message: 'stopped' };
    for (const [script, failure] of [
      [`echo why >&2; echo '${JSON.stringify({ error })}'; exit 1`, error],
      ['echo why >&2; exit 3', { code: 'SPARK', message: 'Spark ended with 3 and without an answer' }],
      ['echo why >&2; kill -9 $$', { code: 'SPARK', message: 'Spark ended with SIGKILL and without an answer' }],
      // An answer from a driver that did not end well is none.
      [
        `echo why >&2; echo '${JSON.stringify({ answer })}'; exit 1`,
        { code: 'SPARK', message: 'Spark ended with 1 and without an answer' },
      ],
    ] as const) {
      const ending = await run(script);
      assert.ok('failure' in ending && ending.log !== undefined);
      assert.deepEqual(ending.failure, failure);
      assert.equal(readFileSync(ending.log, 'utf8'), 'why\n');
      rmSync(join(ending.log, '..'), { recursive: true });
    }
    const input = { code: 'INPUT', message: 'no such column' };
    assert.deepEqual(await run(`echo '${JSON.stringify({ error: input })}'; exit 2`), { failure: input });
  });

  it('and what it started end with an interrupted command', async () => {
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    // The child of the driver does not hear signals, like a Java that hangs.
    const script = `(trap '' INT TERM; exec sleep 300) & echo "{\\"progress\\":{\\"images\\":$!,\\"total\\":1,\\"errors\\":0}}"; trap 'exit 0' TERM; wait`;
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/support/command/driver-child.ts', 'bash', '-c', script],
      { env: { ...process.env, TMPDIR: temporary }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const started = Number.parseInt(line, 10);
    process.kill(started, 0);
    child.kill('SIGINT');
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGINT');
    for (let i = 0; i < 1500 && isRunning(started); i++) await new Promise((done) => setTimeout(done, 20));
    assert.ok(!isRunning(started));
    assert.deepEqual(
      readdirSync(temporary).filter((name) => name.startsWith('glean-batch-')),
      [],
    );
  });
});

/** A process that has ended stays in the table until somebody waits for it. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
