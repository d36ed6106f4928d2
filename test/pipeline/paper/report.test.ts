/** The report says what the results say: in both forms, with what is missing, failed, or told more than the others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHTML } from 'linkedom';
import { readBlocks } from '../../../pipeline/paper/report/document.ts';
import { renderHtml } from '../../../pipeline/paper/report/html.ts';
import { composeReport } from '../../../pipeline/paper/report/report.ts';
import { emptyResults, experiment, measured, result, summary } from './support.ts';

const experiments = [
  experiment('glean', { seeds: 2, places: [{ section: 'main' }, { section: 'learners' }] }),
  experiment('weak', { kind: 'plain' }),
  experiment('strong', { kind: 'plain' }),
  experiment('blind', { oracle: 'told what colour is' }),
  experiment('absent', { kind: 'plain' }),
  experiment('diverged', { places: [{ section: 'lambda', series: 'IRM', x: 10 }] }),
];
const [glean, weak, strong, blind, , diverged] = experiments;

async function report() {
  const { results } = await emptyResults();
  const save = (of: typeof glean, seed: number, acr: number) =>
    results.save({ experiment: of!, seed }, result(of!, seed, { measured: measured(of!.measurement.kind, acr) }));
  await save(glean, 0, 0.24);
  await save(glean, 1, 0.28);
  await save(weak, 0, 0.1);
  await save(strong, 0, 0.3);
  await save(blind, 0, 0.35);
  const failure = { message: 'the loss is NaN at step 3', final: true };
  await results.save({ experiment: diverged!, seed: 0 }, result(diverged!, 0, { failure }));
  return composeReport({ experiments, results, analysis: '### Why\n\nBecause of `this`.\n', quick: false });
}

/** Rows of a Markdown report whose first cell matches. */
function rows(markdown: string, name: RegExp): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
    .filter(([first]) => name.test(first!));
}

describe('the report', () => {
  it('gives mean and deviation over the seeds', async () => {
    const { markdown } = await report();
    const [row] = rows(markdown, /^method glean/);
    // Of the 4 images that the baselines in the table are certified on, not of all 8.
    assert.deepEqual(row!.slice(1, 5), ['2', '4', '0.2600 ± 0.0283', '70.0 ± 0.0']);
  });

  it('says what one label for every image is worth', async () => {
    const { results } = await emptyResults();
    const data = summary('ab', [3, 5]);
    await results.save({ experiment: glean!, seed: 0 }, result(glean!, 0, { data, measured: measured('sealed', 0.2) }));
    const { markdown } = composeReport({ experiments, results, analysis: '', quick: false });
    const [against] = rows(markdown, /Coloured MNIST: the commonest label/);
    assert.deepEqual(against!.slice(1), ['70.0', '0.2000', '62.5', '0.1125', '+0.0875']);
    const [row] = rows(markdown, /^\*the commonest label/);
    // 0.12·Φ⁻¹(0.001^(1/100)) = 0.12·1.5000 = 0.180.
    assert.deepEqual(row!.slice(2, 8), ['*8*', '*0.1125*', '*62.5*', '*62.5*', '*62.5*', '*62.5*']);
    assert.equal(row![8], '*0.0*');
  });

  it('has the paper’s tables in full, beside the problems that stand in the place of its own', async () => {
    const { markdown } = await report();
    const paper = rows(markdown, /^\*the paper on/);
    assert.deepEqual(
      paper.map(([name]) => name),
      ['Gaussian', 'MACER', 'SmoothAdv', 'Consistency', 'GLEAN'].map((method) => `*the paper on CMNIST: ${method}*`),
    );
    const shares = ['64.3', '62.7', '60.5', '58.0', '55.8', '53.2', '51.4', '47.9', '44.9', '38.6'];
    assert.deepEqual(
      paper.at(-1)!.slice(3),
      ['0.2466', ...shares].map((cell) => `*${cell}*`),
    );
    const [[, ...shifted], [, ...plain]] = rows(markdown, /^C?MNIST$/) as [string[], string[]];
    assert.deepEqual(shifted.slice(-2), ['21.01', '0.07']);
    assert.deepEqual(plain.slice(-2), ['72.03', '0.37']);
  });

  it('counts no result on other pixels than the newest', async () => {
    const { results } = await emptyResults();
    for (const [seed, sha256, finishedAt] of [
      [0, 'old', '2026-01-01T00:00:00.000Z'],
      [1, 'new', '2026-01-02T00:00:00.000Z'],
    ] as const) {
      const outcome = { data: summary(sha256, [4, 4]), measured: measured('sealed', 0.2 + 0.1 * seed), finishedAt };
      await results.save({ experiment: glean!, seed }, result(glean!, seed, outcome));
    }
    const { markdown } = composeReport({ experiments, results, analysis: '', quick: false });
    const [row] = rows(markdown, /method glean/);
    assert.deepEqual(row!.slice(1, 4), ['1 of 2', '4', '0.3000']);
  });

  it('chooses an oracle among settings with the same σ only', async () => {
    const wide = { ...experiment('wide', { places: [{ section: 'sigma', series: 'GLEAN', x: 1 }] }) };
    const measurement = { ...wide.measurement, smoothing: { ...wide.measurement.smoothing, sigma: 1 } };
    const all = [...experiments, { ...wide, measurement }];
    const { results } = await emptyResults();
    for (const [of, acr] of [
      [all[0]!, 0.25],
      [all.at(-1)!, 0.9],
    ] as const) {
      await results.save({ experiment: of, seed: 0 }, result(of, 0, { measured: measured('sealed', acr) }));
    }
    const { markdown } = composeReport({ experiments: all, results, analysis: '', quick: false });
    assert.match(markdown, /Oracle, chosen on the test domain .*: ACR 0\.2500, 70\.0 % right \(method glean/);
  });

  it('shades the best that may be compared, never an oracle', async () => {
    const { markdown, html } = await report();
    assert.equal(rows(markdown, /^\*\*method strong\*\*/).length, 1);
    assert.equal(rows(markdown, /^\*method blind \(oracle: told what colour is\)\*/).length > 0, true);
    const { document } = parseHTML(html);
    const best = [...document.querySelectorAll('tr.best th')].map(({ textContent }) => textContent);
    assert.ok(best.includes('method strong') && !best.some((name) => name!.includes('blind')));
  });

  it('says by how much GLEAN is above each baseline, or is not', async () => {
    const { markdown } = await report();
    const [above] = rows(markdown, /Coloured MNIST: method weak/);
    const [below] = rows(markdown, /Coloured MNIST: method strong/);
    const own = ['70.0 ± 0.0', '0.2600 ± 0.0283'];
    assert.deepEqual(above!.slice(1), [...own, '70.0', '0.1000', '+0.1600']);
    assert.deepEqual(below!.slice(1), [...own, '70.0', '0.3000', '−0.0400']);
    assert.deepEqual(rows(markdown, /Coloured MNIST: method absent/)[0]!.at(-1), 'not run yet');
  });

  it('names what failed and what is missing', async () => {
    const { markdown } = await report();
    assert.match(markdown, /`diverged`, seed 0: the loss is NaN at step 3/);
    assert.match(markdown, /## What has not been run yet\n\n- `absent`: not run yet/);
    assert.match(markdown, /5 of 7 runs are measured, 1 failed\./);
  });

  it('counts proofs and attacks', async () => {
    const { markdown } = await report();
    assert.match(markdown, /\*\*3 models, 3 images attacked, 30 points tried inside a radius, 0 radii broken\*\*/);
  });

  it('says the same in both forms', async () => {
    const { html, markdown } = await report();
    const { document } = parseHTML(html);
    const headings = [...document.querySelectorAll('h1, h2, h3')].map(({ textContent }) => textContent);
    const expected = markdown
      .split('\n')
      .filter((line) => line.startsWith('#'))
      .map((line) => line.replace(/^#+ /, ''));
    assert.deepEqual(headings, expected);
    assert.ok(headings.includes('Why'));
    const cells = [...document.querySelectorAll('tbody tr')].map((row) => row.children.length);
    const lines = rows(markdown, /./).filter(([first]) => first !== '' && !/^-+$/.test(first!));
    assert.deepEqual(
      cells,
      lines.filter(([first]) => first!.trim() !== '').map((line) => line.length),
    );
  });

  it('has figures whose identifiers are their own, each with words for those who do not see it', async () => {
    const { html, figures } = await report();
    const { document } = parseHTML(html);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const drawings = [...document.querySelectorAll('figure svg')];
    assert.equal(drawings.length, figures.size);
    for (const drawing of drawings) assert.match(drawing.getAttribute('aria-label')!, /falls from|at \d/);
  });

  it('needs nothing from elsewhere', async () => {
    const { html } = await report();
    assert.doesNotMatch(html, /<script|<link|src=|@import|https?:\/\/(?!www\.w3\.org)/);
  });

  it('is the same text again', async () => {
    assert.deepEqual(await report(), await report());
  });
});

describe('texts', () => {
  it('of an analysis are headings, lists and paragraphs', () => {
    assert.deepEqual(readBlocks('## A\n\none\ntwo\n\n- x\n  y\n- z\n'), [
      { kind: 'heading', level: 2, text: 'A' },
      { kind: 'paragraph', text: 'one two' },
      { kind: 'list', items: ['x y', 'z'] },
    ]);
  });

  it('cannot be taken for markup', () => {
    const html = renderHtml([
      { kind: 'heading', level: 1, text: 'a < b & "c"' },
      { kind: 'table', caption: '<i>', columns: ['', '<b>'], rows: [{ cells: ['<u>', '`<script>`'] }] },
    ]);
    const { document } = parseHTML(html);
    assert.equal(document.querySelector('h1')!.textContent, 'a < b & "c"');
    assert.equal(document.querySelector('td code')!.textContent, '<script>');
    assert.equal(document.querySelectorAll('i, b, u, script').length, 0);
  });
});
