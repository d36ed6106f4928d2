/** `glean paper --quick`: one tiny run of every kind, from training to the report; run again, it does nothing. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Result } from '../../../pipeline/paper/result.ts';
import { violations } from '../../support/browser/axe.ts';
import { launchBrowser } from '../../support/browser/browser.ts';
import { glean } from '../../support/command/glean.ts';

let out: string;
let results: readonly Result[];

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'glean-paper-'));
});

after(() => rm(out, { recursive: true, force: true }));

async function paper(...more: readonly string[]) {
  const { code, stdout, stderr } = await glean('paper', '--quick', '--out', out, '--json', ...more);
  assert.equal(code, 0, stderr);
  return { answer: JSON.parse(stdout), stderr };
}

describe('glean paper --quick', { concurrency: false }, () => {
  it('runs everything of the plan to its end', async () => {
    const { answer } = await paper('--jobs', '2');
    assert.deepEqual(answer.failed, []);
    assert.equal(answer.measured, answer.runs);
    const names = await readdir(join(out, 'results'));
    assert.equal(names.length, answer.runs);
    results = await Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(out, 'results', name), 'utf8')) as Result),
    );
  });

  it('proves and attacks every sealed model; no radius is broken', () => {
    const proofs = results.flatMap(({ measured }) => measured?.proof ?? []);
    assert.ok(proofs.length > 0);
    for (const { lipschitz, slack, attack } of proofs) {
      assert.ok(lipschitz >= 1 && lipschitz <= 1.001, `L = ${lipschitz}`);
      assert.ok(slack > 0);
      assert.equal(attack.broken, 0);
      assert.ok(attack.inside > 0);
      assert.ok(attack.smallestRatio === null || attack.smallestRatio >= 1);
    }
  });

  it('writes a report that says that its numbers mean nothing', async () => {
    const markdown = await readFile(join(out, 'report.md'), 'utf8');
    assert.match(markdown, /^# The whole paper, quick mode: the numbers mean nothing$/m);
    assert.doesNotMatch(markdown, /not run yet|What failed|NaN|undefined/);
    for (const [, name] of markdown.matchAll(/\]\((figures\/[^)]+)\)/g)) await stat(join(out, name!));
  });

  it('writes a report that everybody can read, light and dark, on a phone too', async () => {
    const browser = await launchBrowser();
    try {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
        await page.goto(pathToFileURL(join(out, 'report.html')).href);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 390, `the page is ${width} pixels wide on a phone`);
        assert.deepEqual(await violations(page), []);
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });

  it('does not do again what is done, and does what is missing', async () => {
    const times = async () =>
      Object.fromEntries(
        await Promise.all(
          (await readdir(join(out, 'results'))).map(
            async (name) => [name, (await stat(join(out, 'results', name))).mtimeMs] as const,
          ),
        ),
      );
    const before = await times();
    const { stderr } = await paper();
    assert.match(stderr, new RegExp(`${results.length} of ${results.length} runs are done`));
    assert.deepEqual(await times(), before);
    await rm(join(out, 'results', 'cmnist-glean-1.json'));
    await paper();
    const { 'cmnist-glean-1.json': anew, ...others } = await times();
    const { 'cmnist-glean-1.json': old, ...untouched } = before;
    assert.ok(anew! > old!);
    assert.deepEqual(others, untouched);
  });

  it('lists the plan', async () => {
    const { answer } = await paper('--list');
    assert.equal(answer.length, results.length);
    for (const { state } of answer) assert.equal(state, 'done');
  });
});
