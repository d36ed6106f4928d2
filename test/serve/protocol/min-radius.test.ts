/** The least radius: what answers and metrics say where the service has one (--min-radius), and where a request brings one too. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { glean, SHIPPED_MODEL } from '../../support/command/glean.ts';
import { type Answer, binaryRequest, images, inferUrl, jsonRequest, output } from './requests.ts';

const PICTURE = 'docs/images/digit-red.png';
const OTHER = 'docs/images/digit-green.png';
const pixels = images(6, 3);
/** The service's, which some of the pixels' radii are above and some below. */
const LEAST = 0.2;
let radii: readonly number[];
let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start('--workers', '1', '--drain', '0', '--min-radius', String(LEAST));
});
after(() => service.stop());

async function ask(extra: Record<string, unknown> = {}): Promise<Answer> {
  const response = await fetch(inferUrl(service), { method: 'POST', body: jsonRequest(pixels, extra) });
  assert.equal(response.status, 200);
  return (await response.json()) as Answer;
}

function certified(answer: Answer): readonly unknown[] | undefined {
  return answer.outputs.find(({ name }) => name === 'certified')?.data;
}

async function picture(query = '') {
  const url = `${service.url}/predict?model=cmnist${query}`;
  const response = await fetch(url, { method: 'POST', body: await readFile(PICTURE) });
  const { certified, radius, error, parameters } = (await response.json()) as Record<string, unknown> & {
    parameters: Record<string, unknown>;
  };
  return { status: response.status, certified, radius, error, parameters };
}

const above = (bound: number) => radii.map((radius) => radius >= bound);

test("the metrics count both, every image by the service's, and by the request's where that is greater", async () => {
  const counts = async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const lines = text.matchAll(/^glean_certified_total\{model="cmnist",certified="(\w+)",policy="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries(Array.from(lines, ([, said, policy, count]) => [`${policy} ${said}`, Number(count)]));
  };
  // Both are there before the first image, so that its count is an increase.
  assert.deepEqual(await counts(), { 'service true': 0, 'service false': 0 });
  radii = output(await ask(), 'radius');
  const certain = above(LEAST).filter(Boolean).length;
  assert.ok(certain > 1 && certain < 5 && radii.includes(0));
  await ask({ parameters: { min_radius: LEAST / 2 } });
  await ask({ parameters: { min_radius: 1000 } });
  await picture();
  assert.deepEqual(await counts(), {
    'service true': 3 * certain + 1,
    'service false': 3 * (6 - certain),
    'request true': 0,
    'request false': 6,
  });
});

test("the service's holds for every answer; a request may raise it, and lowers it in vain", async () => {
  const cases = [
    [undefined, LEAST],
    [LEAST / 2, LEAST],
    [LEAST, LEAST],
    [Math.max(...radii), Math.max(...radii)],
    [1e300, 1e300],
  ] as const;
  for (const [asked, held] of cases) {
    const answer = await ask({ parameters: { min_radius: asked } });
    assert.deepEqual(certified(answer), above(held), `${asked}`);
    assert.equal(answer.parameters['min_radius'], held);
    const { datatype, shape } = answer.outputs.find(({ name }) => name === 'certified')!;
    assert.deepEqual({ datatype, shape }, { datatype: 'BOOL', shape: [radii.length] });
    const query = asked === undefined ? '' : `&min_radius=${asked.toString().replace('+', '')}`;
    const { certified: said, radius, parameters } = await picture(query);
    assert.equal(said, (radius as number) >= held);
    assert.equal(parameters['min_radius'], held);
  }
});

test('a radius that is exactly the least one is enough, and one that is less by a bit is not', async () => {
  const held = radii.find((radius) => radius > LEAST)!;
  assert.deepEqual(certified(await ask({ parameters: { min_radius: held } })), above(held));
  const justAbove = held * (1 + Number.EPSILON);
  const answer = await ask({ parameters: { min_radius: justAbove } });
  assert.equal(certified(answer)![radii.indexOf(held)], false);
  assert.equal(answer.parameters['min_radius'], justAbove);
});

test('outputs are given as they are asked for, as bytes too; the policy is stated whatever is asked for', async () => {
  const labels = await ask({ outputs: [{ name: 'label' }] });
  assert.deepEqual(
    labels.outputs.map(({ name }) => name),
    ['label'],
  );
  assert.equal(labels.parameters['min_radius'], LEAST);
  const { body, headers } = binaryRequest(pixels, {
    outputs: [{ name: 'certified', parameters: { binary_data: true } }],
  });
  const response = await fetch(inferUrl(service), { method: 'POST', body: body as never, headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length'));
  assert.deepEqual([...bytes.subarray(length)], above(LEAST).map(Number));
});

test('the metadata has the output and the least radius of a service that has one', async () => {
  const response = await fetch(`${service.url}/v2/models/cmnist`);
  const { outputs, parameters } = (await response.json()) as Record<string, never> & { outputs: unknown[] };
  assert.deepEqual(outputs.at(-1), { name: 'certified', datatype: 'BOOL', shape: [-1] });
  assert.equal(parameters!['min_radius'], LEAST);
});

test('what is no radius above 0 is refused, and says what is', async () => {
  for (const value of [0, -1, '0.5', true, [1], {}]) {
    const body = jsonRequest(images(1), { parameters: { min_radius: value } });
    const response = await fetch(inferUrl(service), { method: 'POST', body });
    assert.equal(response.status, 400, JSON.stringify(value));
    assert.match(await response.text(), /found .* as min_radius, expected a finite number above 0/);
  }
  const infinite = jsonRequest(images(1), { parameters: { min_radius: 12345 } }).replace('12345', '1e999');
  assert.equal((await fetch(inferUrl(service), { method: 'POST', body: infinite })).status, 400);
  for (const text of ['', '0', '0.0', '-1', 'NaN', 'Infinity', '1e999', '0x1', '1,5', '1 ', 'true']) {
    const { status, error } = await picture(`&min_radius=${encodeURIComponent(text)}`);
    assert.equal(status, 400, text);
    assert.match(String(error), /found min_radius=.*, expected a finite number above 0/);
  }
});

test('glean predict --min-radius says no where an image has less', async () => {
  const predict = (minRadius: number, ...rest: string[]) =>
    glean('predict', SHIPPED_MODEL, PICTURE, OTHER, '--min-radius', String(minRadius), ...rest);
  const both = await predict(2.4, '--json');
  assert.equal(both.code, 0, both.stderr);
  const answers = both.stdout.trim().split('\n');
  assert.deepEqual(
    answers.map((line) => (JSON.parse(line) as { certified: boolean }).certified),
    [true, true],
  );
  const one = await predict(2.5);
  assert.equal(one.code, 1);
  assert.match(one.stdout, /digit-red\.png: digit 5–9, certified to ℓ2 radius 2\.55/);
  assert.match(one.stdout, /digit-green\.png: digit 5–9, not certified: ℓ2 radius 2\.45\d* is below 2\.5\n/);
});
