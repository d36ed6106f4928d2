/** Checkpoints: every damaged byte is noticed, the file is named, and the checkpoint before it is used. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Checkpoint, CheckpointError, loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const checkpointAt = (step: number, run = 'r1'): Checkpoint => ({
  step,
  run,
  tensors: new Map<string, Checkpoint['tensors'] extends ReadonlyMap<string, infer T> ? T : never>([
    ['parameter/a', { shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, step) }],
    ['parameter/scalar', { shape: [], data: Float32Array.of(0.1) }],
    ['reference/correct', { shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ]),
});

/** Loads, and tells of what was refused. */
async function load(run?: string): Promise<{ loaded: Awaited<ReturnType<typeof loadCheckpoint>>; refused: string[] }> {
  const refused: string[] = [];
  const loaded = await loadCheckpoint(folder, {
    ...(run === undefined ? {} : { run }),
    onRefused: (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.code, 'CHECKPOINT');
      assert.ok(error.message.startsWith(`${error.details['path']}: `), error.message);
      refused.push(String(error.details['path']));
    },
  });
  return { loaded, refused };
}

test('what was saved comes back, bit for bit', async () => {
  const saved = checkpointAt(20);
  const path = await saveCheckpoint(folder, saved);
  const { loaded, refused } = await load('r1');
  assert.deepEqual(loaded, { ...saved, path });
  assert.deepEqual(refused, []);
});

test('the file is safetensors: little-endian length, JSON header, data from an offset that is a multiple of 8', async () => {
  const bytes = await readFile(await saveCheckpoint(folder, checkpointAt(20)));
  const length = Number(bytes.readBigUInt64LE(0));
  assert.equal(length % 8, 0);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  assert.deepEqual(header['parameter/a'], { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
  assert.deepEqual(header['reference/correct'], { dtype: 'U8', shape: [3], data_offsets: [28, 31] });
  assert.ok(Object.values(header.__metadata__).every((value) => typeof value === 'string'));
  assert.equal(bytes.readFloatLE(8 + length), 1);
  assert.equal(bytes.length, 8 + length + 31);
});

test('the newest two are kept, also past a million steps, and the newest is loaded', async () => {
  for (const step of [999_980, 999_999, 1_000_000, 1_000_020]) await saveCheckpoint(folder, checkpointAt(step));
  assert.deepEqual((await readdir(folder)).sort(), [
    'checkpoint-1000000.safetensors',
    'checkpoint-1000020.safetensors',
  ]);
  assert.equal((await load()).loaded?.step, 1_000_020);
});

test('an empty folder, none at all, and files that are no checkpoints', async () => {
  assert.equal((await load()).loaded, undefined);
  await writeFile(join(folder, 'metrics.jsonl'), 'x');
  await writeFile(join(folder, '.checkpoint-000040.safetensors.7.tmp'), 'x');
  assert.deepEqual(await load(), { loaded: undefined, refused: [] });
  assert.equal(await loadCheckpoint(join(folder, 'none')), undefined);
});

/** A header of our own in front of 4 bytes. */
function fileWith(header: unknown): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(4)]);
}

const METADATA = { step: '40', run: 'r1', sha256: '0'.repeat(64) };
const TENSOR = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };

const DAMAGES: readonly (readonly [string, (whole: Buffer) => Buffer, RegExp])[] = [
  ['cut in half', (whole) => whole.subarray(0, whole.length / 2), /cut off/],
  ['empty', () => Buffer.alloc(0), /is 0 bytes long/],
  ['longer than it says', (whole) => Buffer.concat([whole, Buffer.alloc(8)]), /bytes of data, expected/],
  ['a header that claims to be huge', () => Buffer.alloc(64, 255), /claims a header of/],
  ['no JSON', () => fileWith('{"__metadata__":'), /not JSON/],
  ['a header that is a list', () => fileWith([]), /malformed/],
  ['no metadata', () => fileWith({ a: TENSOR }), /malformed/],
  ['an unknown type', () => fileWith({ __metadata__: METADATA, a: { ...TENSOR, dtype: 'F16' } }), /malformed/],
  [
    'negative offsets',
    () => fileWith({ __metadata__: METADATA, a: { ...TENSOR, data_offsets: [-4, 0] } }),
    /malformed/,
  ],
  ['a digest of other bytes', () => fileWith({ __metadata__: METADATA, a: TENSOR }), /SHA-256/],
];

for (const [name, damage, message] of DAMAGES) {
  test(`refused by name, and the one before is used: ${name}`, async () => {
    await saveCheckpoint(folder, checkpointAt(20));
    const path = await saveCheckpoint(folder, checkpointAt(40));
    await writeFile(path, damage(await readFile(path)));
    let said = '';
    const loaded = await loadCheckpoint(folder, { run: 'r1', onRefused: (error) => (said += error.message) });
    assert.equal(loaded?.step, 20);
    assert.ok(said.startsWith(`${path}: `), said);
    assert.match(said, message);
  });
}

test('any byte changed, anywhere in the file, and any cut, is noticed', async () => {
  const path = await saveCheckpoint(folder, checkpointAt(40));
  const whole = await readFile(path);
  for (let i = 0; i < whole.length; i++) {
    // The lowest bit: a digit of the step or of a shape becomes another digit.
    const damaged = Buffer.from(whole);
    damaged[i]! ^= 1;
    await writeFile(path, damaged);
    assert.deepEqual(await load('r1'), { loaded: undefined, refused: [path] }, `byte ${i} of ${whole.length}`);
    await writeFile(path, whole.subarray(0, i));
    assert.deepEqual(await load('r1'), { loaded: undefined, refused: [path] }, `cut at ${i} of ${whole.length}`);
  }
});

test('all damaged: each is named, newest first, and there is nothing to go on from', async () => {
  const paths = [await saveCheckpoint(folder, checkpointAt(20)), await saveCheckpoint(folder, checkpointAt(40))];
  for (const path of paths) await writeFile(path, 'x');
  assert.deepEqual(await load('r1'), { loaded: undefined, refused: paths.reverse() });
});

test('damaged ones of later steps do not push out what is saved after a new beginning', async () => {
  for (const step of [40, 60]) {
    const path = await saveCheckpoint(folder, checkpointAt(step));
    await writeFile(path, (await readFile(path)).subarray(0, 50));
  }
  for (const step of [10, 20, 30]) await saveCheckpoint(folder, checkpointAt(step));
  const { loaded, refused } = await load('r1');
  assert.equal(loaded?.step, 30);
  assert.equal(refused.length, 2);
  assert.equal((await readdir(folder)).length, 4);
});

test('a checkpoint of another run is an error, not passed over', async () => {
  const path = await saveCheckpoint(folder, checkpointAt(20, 'other'));
  await assert.rejects(loadCheckpoint(folder, { run: 'r1' }), (error) => {
    assert.ok(error instanceof CheckpointError);
    assert.equal(error.code, 'CHECKPOINT');
    assert.match(error.message, /another configuration, seed or data/);
    assert.deepEqual(error.details, { path, found: 'other', expected: 'r1' });
    return true;
  });
  assert.equal((await loadCheckpoint(folder))?.step, 20, 'asked for no run, any is taken');
});
