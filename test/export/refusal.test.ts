/** Every refusal says where, why, and what to do. The reasons are taken from the sources, so that none is forgotten. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  ContradictionError,
  type GleanError,
  InputError,
  OnnxFormatError,
  UnprovableError,
} from '../../src/certify-runtime/trusted/errors.ts';
import { refusalOf } from '../../src/export/refusal/refusal.ts';
import { remedyByCode } from '../../src/export/refusal/remedies.ts';
import { glean } from '../support/command/glean.ts';

const ROOT = new URL('../../', import.meta.url);
const TRUSTED = new URL('src/certify-runtime/trusted/', ROOT);
const FIELD = new URL('test/fixtures/field/', ROOT);

/** The texts that `refuse` and errors get in a source, with 1 for what is put into them. */
function reasonsIn(source: string): string[] {
  const calls = source.matchAll(/(?:\brefuse\(|UnprovableError\()(?:\s|\w+,)*(`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*')/g);
  return [...calls].map(([, text]) => text!.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, '1'));
}

async function sources(): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const names = (await readdir(TRUSTED, { recursive: true })).filter((name) =>
    /^(rules|walk|bounds|head|margin)/.test(name),
  );
  const files = names.filter((name) => name.endsWith('.ts'));
  return Promise.all(files.map(async (file) => ({ file, text: await readFile(new URL(file, TRUSTED), 'utf8') })));
}

test('every reason of the proof has a remedy of its own', async () => {
  let found = 0;
  const without: string[] = [];
  for (const { file, text } of await sources()) {
    for (const reason of reasonsIn(text)) {
      // The helpers that name the place, as ${op} "${name}": ${reason}.
      if (/^1 "1"/.test(reason)) continue;
      found++;
      const error = new UnprovableError(`Conv "c" (node 1): ${reason}`, { op: 'Conv' });
      const { remedy } = refusalOf(error, 'a.onnx');
      if (process.env['GLEAN_REMEDIES'] !== undefined) console.log(`${file}: ${reason}\n    → ${remedy}`);
      if (remedy === remedyByCode('UNPROVABLE')) without.push(`${file}: ${reason}`);
    }
  }
  assert.deepEqual(without, []);
  assert(found > 120, `only ${found} reasons were found: is the pattern still right?`);
});

test('place, reason and remedy, from fields, from a byte, and from a message', () => {
  const at = (error: GleanError) => {
    const { place, reason, remedy } = refusalOf(error, 'a.onnx');
    return { place, reason, remedy };
  };
  assert.deepEqual(at(new UnprovableError('whatever', { place: 'P', reason: 'R', remedy: 'do D' })), {
    place: 'P',
    reason: 'R',
    remedy: 'do D',
  });
  const format = { path: 'graph.node[3]', problem: "Foo is of domain 'x.y', not of the default one", offset: 7 };
  const read = at(new OnnxFormatError('graph.node[3]: … (at byte 7)', format));
  assert.equal(read.place, 'graph.node[3]');
  assert.match(read.remedy, /onnx\.inliner/);
  const rule = new UnprovableError('MaxPool "p" (node 2): a window may lie in the padding', { op: 'MaxPool' });
  assert.deepEqual([at(rule).place, at(rule).reason], ['MaxPool "p" (node 2)', 'a window may lie in the padding']);
  const advised = at(new InputError('the input [1, 9] is flat: say what image it is with --shape H,W,C'));
  assert.deepEqual(advised, {
    place: 'the input [1, 9]',
    reason: 'the input [1, 9] is flat',
    remedy: 'say what image it is with --shape H,W,C',
  });
  const unknown = refusalOf(new ContradictionError('of a new kind'), 'a.onnx');
  assert.deepEqual(
    [unknown.place, unknown.message],
    ['a.onnx', 'a.onnx: of a new kind; report the file, see SECURITY.md'],
  );
});

test('the message has each part once', () => {
  const error = new UnprovableError('Conv "c" (node 1): attribute group has no rule', { op: 'Conv' });
  const { message, remedy } = refusalOf(error, 'folder/a.onnx');
  assert.equal(message, `folder/a.onnx: Conv "c" (node 1): attribute group has no rule; ${remedy}`);
});

test('glean seal --json gives refusals as data: 1 for a network, 2 for wrong use', async () => {
  for (const [file, status, code, place, remedy] of [
    ['10-bn-train.onnx', 1, 'UNPROVABLE', /BatchNormalization ["']bn["']/, /model\.eval\(\)/],
    ['11-flat-nchw.onnx', 2, 'INPUT', /the input/, /--shape H,W,C/],
    ['02-ext.onnx', 1, 'ONNX_FORMAT', /conv\.weight/, /external_data=False/],
    ['none.onnx', 2, 'INPUT', /none\.onnx/, /path/],
  ] as const) {
    const path = new URL(file, FIELD).pathname;
    const { code: exit, stdout, stderr } = await glean('seal', path, '--out', '/dev/null/x.onnx', '--json');
    assert.equal(exit, status, stderr);
    assert.equal(stderr, '');
    const { model, error } = JSON.parse(stdout);
    assert.equal(model, path);
    assert.equal(error.code, code);
    assert.match(error.place, place);
    assert.match(error.remedy, remedy);
    assert(error.reason.length > 0 && error.message.endsWith(error.remedy), error.message);
    assert(error.message.startsWith(path), error.message);
  }
  const { code, stdout, stderr } = await glean('seal', new URL('10-bn-train.onnx', FIELD).pathname, '--out', 'x.onnx');
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^glean: \S+10-bn-train\.onnx: BatchNormalization .*; export .*model\.eval\(\)/);
});
