/** The chart that `glean attack --svg` and `glean certify --svg` draw: a whole SVG file, names escaped, labels apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import sharp from 'sharp';
import { lineChart } from '../../../src/evaluate/chart.ts';

const points = [0, 0.1, 0.2].map((x) => ({ x, y: 0.5 - x }));
const chart = lineChart({
  title: 'Certified <accuracy> & more',
  subtitle: 'a subtitle',
  x: { label: 'radius', domain: [0, 0.2] },
  y: { label: 'accuracy', domain: [0, 1] },
  series: [
    { name: 'one & only', points },
    { name: 'two', points },
    { name: 'empty', points: [] },
  ],
});

test('a standalone SVG that other programs draw', async () => {
  assert.match(chart, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(chart, /Certified &lt;accuracy&gt; &amp; more/);
  assert.doesNotMatch(chart, /<script|href=|url\((?!#)/);
  const { width, height } = await sharp(Buffer.from(chart)).metadata();
  assert.deepEqual([width, height], [720, 420]);
});

test('labels at the ends of lines that meet do not overlap', () => {
  const { document } = parseHTML(chart);
  const places = [...document.querySelectorAll('text')]
    .filter(({ textContent }) => ['one & only', 'two', 'empty'].includes(textContent ?? ''))
    .map((text) => (text.closest('g') ?? text).outerHTML.match(/translate\([^,]+,([\d.-]+)\)/g));
  assert.equal(places.length, 3);
  assert.equal(new Set(places.map(String)).size, 3);
});
