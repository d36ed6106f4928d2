/** Configurations: those we ship parse; what is wrong with another is said by field. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { parseConfig, readConfig, recordOf } from '../../src/train/config.ts';
import { DATASET_NAMES } from '../../src/train/data/registry.ts';
import type { InvarianceConfig } from '../../src/train/objective/invariance.ts';

const folder = fileURLToPath(new URL('../../pipeline/configs', import.meta.url));
const shipped = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'));
const example = JSON.parse(await readFile(join(folder, 'cmnist.json'), 'utf8'));

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-config-'));
});
after(() => rm(scratch, { recursive: true }));

test('the configurations we ship', async () => {
  assert.ok(shipped.includes('cmnist.json') && shipped.includes(join('invariance', 'cmnist-irm.json')));
  for (const name of shipped) {
    const config = await readConfig(join(folder, name));
    assert.equal(`${config.id}.json`, basename(name));
    assert.ok(DATASET_NAMES.includes(config.data.name), `${name}: ${config.data.name}`);
  }
  const irm = await readConfig(join(folder, 'invariance', 'cmnist-irm.json'));
  const erm = await readConfig(join(folder, 'cmnist-erm.json'));
  assert.ok('penalty' in irm.objective && 'penalty' in erm.objective);
  assert.deepEqual(irm.objective.penalty, { kind: 'irm', weight: 10_000, before: 1, warmup: 100 });
  assert.equal(irm.objective.environments.kind, 'given');
  assert.deepEqual(erm.objective.penalty, { kind: 'irm', weight: 0, before: 0, warmup: 0 });
});

/** A copy of the example with one field, given by its path, set; `undefined` removes it. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(example);
  const keys = path.split('.');
  const last = keys.pop()!;
  const owner = keys.reduce((node, key) => node[key], copy);
  if (value === undefined) delete owner[last];
  else owner[last] = value;
  return copy;
}

const WRONG: readonly (readonly [path: string, value: unknown, message: RegExp])[] = [
  ['precision', 'float16', /precision/],
  ['optimizer.momentum', 0.9, /optimizer\.momentum/],
  ['typo', 1, /typo/],
  ['optimizer.steps', '300', /optimizer\.steps: .*"300"/],
  ['optimizer.steps', 0, /optimizer\.steps: .*0/],
  ['optimizer.steps', 1.5, /optimizer\.steps: .*1\.5/],
  ['optimizer.learningRate', 0, /optimizer\.learningRate/],
  ['optimizer.learningRate', Number.POSITIVE_INFINITY, /optimizer\.learningRate/],
  ['optimizer.perEnvironment', -1, /optimizer\.perEnvironment/],
  ['network.hidden', [], /network\.hidden/],
  ['network.hidden', [128, 127], /network\.hidden\.1: .*even/],
  ['network.hidden', 128, /network\.hidden/],
  ['objective.noise', -0.1, /objective\.noise/],
  ['objective.penalty.weight', undefined, /objective\.penalty\.weight/],
  ['objective', { baseline: 'gaussian', sigma: 0 }, /objective\.sigma: .*0/],
  ['objective', { baseline: 'gaussian', sigma: 0.12, noise: 0.12 }, /objective\.noise/],
  ['objective.penalty.kind', 'guessed', /objective\.penalty\.kind/],
  ['objective.environments', { kind: 'guessed' }, /objective\.environments\.kind/],
  [
    'objective.environments',
    { kind: 'inferred', committee: { folds: 1 } },
    /objective\.environments\.committee\.folds/,
  ],
  ['objective.environments', { kind: 'inferred', committee: { folds: 8 } }, /number of members, at most 15/],
  ['objective.environments', { kind: 'inferred', committee: {}, referenceSteps: 3 }, /not both/],
  ['objective.environments', { kind: 'given', referenceSteps: 3 }, /objective\.environments\.referenceSteps/],
  ['id', 'Not An Id', /id: lower-case/],
  ['id', '../up', /id: lower-case/],
  ['seed', -1, /seed/],
  ['seed', 2 ** 31, /seed/],
  ['augmentation', undefined, /augmentation/],
  ['augmentation', 2, /augmentation/],
  ['augmentation', [], /augmentation/],
  ['augmentation.shift', null, /augmentation\.shift/],
  ['augmentation.rim', null, /augmentation\.rim: .*"edge" \| "black".*null/],
  ['augmentation.rim', 'white', /augmentation\.rim: .*"edge" \| "black".*"white"/],
  ['augmentation.flip', 1, /augmentation\.flip: .*boolean.*1/],
  ['augmentation.flip', null, /augmentation\.flip/],
  ['augmentation.mirror', true, /augmentation\.mirror/],
  ['augmentation.grey', 0, /augmentation\.grey: .*0/],
  ['augmentation.grey', 1.1, /augmentation\.grey: .*1\.1/],
  ['augmentation.convolution', true, /augmentation\.convolution/],
  ['augmentation.convolution', { probability: 0 }, /augmentation\.convolution\.probability: .*0/],
  ['augmentation.convolution', { sizes: [] }, /augmentation\.convolution\.sizes: at least one size/],
  ['augmentation.convolution', { sizes: [3, 4] }, /augmentation\.convolution\.sizes(\.1)?: sizes are odd/],
  ['augmentation.convolution', { sizes: [17] }, /augmentation\.convolution\.sizes\.0: .*15.*17/],
  ['augmentation.colour', {}, /augmentation\.colour: all are 0/],
  ['augmentation.colour', { hue: 0.6 }, /augmentation\.colour\.hue: .*0\.5.*0\.6/],
  ['augmentation.colour', { gain: -0.1 }, /augmentation\.colour\.gain/],
  ['augmentation.colour', { color: 0.1 }, /augmentation\.colour\.color/],
  ['objective.risk', { kind: 'offset' }, /objective\.risk\.offset/],
  ['objective.risk', { kind: 'offset', offset: 0 }, /objective\.risk\.offset: .*0/],
  ['objective.risk', { kind: 'generalized-cross-entropy' }, /objective\.risk\.q/],
  ['objective.risk', { kind: 'generalized-cross-entropy', q: 0 }, /objective\.risk\.q: .*0/],
  ['objective.risk', { kind: 'generalized-cross-entropy', q: 1.1 }, /objective\.risk\.q: .*1\.1/],
  ['optimizer.ema', 0, /optimizer\.ema: .*0/],
  ['optimizer.ema', 1, /optimizer\.ema: .*1/],
];

for (const [path, value, message] of WRONG) {
  test(`refused: ${path} = ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => parseConfig(changed(path, value), 'some/file.json'),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, /^some\/file\.json: /);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('augmentation: edges and no flips where the file says nothing; a stored configuration without a rim has a black one', () => {
  const augmentation = { shift: 2 };
  const parsed = (value: object, ...rest: [('edge' | 'black')?]) =>
    parseConfig({ ...example, augmentation: value }, 'f', ...rest);
  assert.deepEqual(parsed(augmentation).augmentation, { shift: 2, rim: 'edge', flip: false });
  assert.deepEqual(parsed(augmentation, 'black').augmentation, { shift: 2, rim: 'black', flip: false });
  for (const said of [
    { shift: 2, rim: 'black', flip: true },
    { shift: 0, rim: 'edge', flip: true },
  ] as const) {
    assert.deepEqual(parsed(said).augmentation, said);
    assert.deepEqual(parseConfig(parsed(said), 'f', 'black').augmentation, said);
  }
});

test('changes of appearance are off unless they are asked for, and then complete', () => {
  const parsed = (augmentation: object) =>
    parseConfig({ ...example, augmentation: { shift: 2, ...augmentation } }, 'f').augmentation;
  assert.deepEqual(parsed({ convolution: {} }).convolution, { probability: 0.5, sizes: [1, 3, 5, 7], mixing: true });
  assert.deepEqual(parsed({ colour: { gain: 0.1 } }).colour, { gain: 0.1, offset: 0, contrast: 0, hue: 0 });
  assert.deepEqual(Object.keys(parsed({})), ['shift', 'rim', 'flip']);
});

test('what a certificate says has only what was not so before', () => {
  const record = (augmentation: object) =>
    JSON.stringify(recordOf(parseConfig({ ...example, augmentation }, 'f'))).match(/"augmentation":(\{.*?\})/)?.[1];
  assert.equal(record({ shift: 1, rim: 'black' }), '{"shift":1}');
  assert.equal(record({ shift: 1 }), '{"shift":1,"rim":"edge"}');
  assert.equal(record({ shift: 1, rim: 'black', flip: true }), '{"shift":1,"flip":true}');
  assert.equal(record({ flip: true, shift: 1, rim: 'edge' }), '{"shift":1,"rim":"edge","flip":true}');
});

test('a risk with an offset needs a head of fixed temperature', () => {
  const risk = { kind: 'offset', offset: 0.45 };
  const withTemperature = (temperature?: number) => ({
    ...example,
    objective: { ...example.objective, risk },
    network: { hidden: [16], ...(temperature === undefined ? {} : { temperature }) },
  });
  assert.throws(() => parseConfig(withTemperature(), 'f'), /objective: a risk with an offset .*network\.temperature/);
  assert.deepEqual(JSON.parse(JSON.stringify(parseConfig(withTemperature(16), 'f').objective)).risk, risk);
});

test('every problem is named, not the first alone', () => {
  const value = { ...example, seed: 'x', title: 3 };
  assert.throws(() => parseConfig(value, 'f'), /title.*seed/);
  for (const nothing of [null, 3, []]) assert.throws(() => parseConfig(nothing, 'f'), InputError);
});

test('a configuration is frozen in its depth, and the order of fields in the file does not matter', () => {
  const config = parseConfig(example, 'f');
  const reversed = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, member]) => [key, reversed(member)]),
        )
      : value;
  assert.equal(JSON.stringify(parseConfig(reversed(example), 'f')), JSON.stringify(config));
  for (const part of [config, config.network, config.network.hidden, (config.objective as InvarianceConfig).penalty]) {
    assert.ok(Object.isFrozen(part));
  }
});

test('readConfig: another seed, and files that are not there or not JSON', async () => {
  const path = join(folder, 'cmnist.json');
  assert.deepEqual(await readConfig(path, 7), { ...(await readConfig(path)), seed: 7 });
  // As Windows' editors save it; and in UTF-16, which they call Unicode.
  const saved = join(scratch, 'saved.json');
  await writeFile(saved, `\uFEFF${await readFile(path, 'utf8')}`);
  assert.deepEqual(await readConfig(saved), await readConfig(path));
  await writeFile(saved, Buffer.from(`\uFEFF${await readFile(path, 'utf8')}`, 'utf16le'));
  await assert.rejects(readConfig(saved), /saved\.json: found UTF-16 text, expected UTF-8/);
  await assert.rejects(readConfig(path, 1.5), (error) => error instanceof InputError && /seed/.test(error.message));
  await assert.rejects(readConfig(join(scratch, 'none.json')), /none\.json: cannot be read \(ENOENT\)/);
  const broken = join(scratch, 'broken.json');
  await writeFile(broken, '{"id": ');
  await assert.rejects(readConfig(broken), (error) => error instanceof InputError && /is not JSON/.test(error.message));
});

test('the precision of the exported network is no part of a run', () => {
  const wide = parseConfig(changed('precision', 'float64'), 'test');
  assert.equal(wide.precision, 'float64');
  assert.deepEqual(recordOf(wide), recordOf(parseConfig(example, 'test')));
});
