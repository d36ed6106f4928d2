/** Models of other programs and ours, dropped into the page: proven, explained and run as Node does, or refused alike. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { Certifier, GleanError } from '../../../src/certify-runtime/node.ts';
import { allowedDeviation } from '../../../src/certify-runtime/run/known-vectors.ts';
import { readSealed } from '../../../src/certify-runtime/trusted/file/sealed.ts';
import { imageNorms } from '../../../src/certify-runtime/trusted/margin.ts';
import { explain } from '../../../src/evaluate/explain/explain.ts';
import { explanationLines } from '../../../src/evaluate/explain/lines.ts';
import { refusalOf } from '../../../src/export/refusal/refusal.ts';
import { launchBrowser } from '../../support/browser/browser.ts';
import { type BuiltPage, buildPage, type Visit } from '../../support/browser/built-page.ts';
import {
  givePictures,
  openModel,
  refusal,
  type SavedAnswers,
  savedAnswers,
  savedProof,
  says,
  visitInspect,
} from '../../support/browser/inspect.ts';
import { type StaticServer, serveFolder } from '../../support/browser/static-server.ts';
import { sealBytes } from '../../support/networks/brought.ts';

const BYO = fileURLToPath(new URL('../../fixtures/byo/', import.meta.url));
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));

/** PNG files of noise, and of a gradient, in the size that a model takes. */
async function pictures(shape: readonly number[]): Promise<{ name: string; buffer: Buffer; pixels: Uint8Array }[]> {
  const [height, width, channels] = shape as [number, number, 1 | 3];
  return Promise.all(
    [7919, 104729, 1].map(async (step, i) => {
      const pixels = Uint8Array.from({ length: height * width * channels }, (_, k) => ((k * step) >> (i + 1)) % 256);
      const buffer = await sharp(pixels, { raw: { height, width, channels } }).png().toBuffer();
      return { name: `${i}.png`, buffer, pixels };
    }),
  );
}

/** Holds the page's answers against those of Node's certifier on the same pixels. */
async function compare(certifier: Certifier, images: readonly Uint8Array[], found: SavedAnswers): Promise<void> {
  const { terms, head } = certifier.model;
  const [{ answers }] = found.models as [SavedAnswers['models'][0]];
  assert.equal(answers.length, images.length);
  const expected = await certifier.predictBatch(images);
  for (const [i, { logits, label, radius }] of answers.entries()) {
    const { l2, l1 } = imageNorms(Float32Array.from(images[i]!, (byte) => byte / 255));
    const allowed = allowedDeviation(l2, l1, terms, head);
    assert.equal(label, expected[i]!.label);
    const distance = 2 * allowed * Math.max(...terms.inverse) + 2 ** -20;
    assert.ok(Math.abs(radius - expected[i]!.radius) <= distance, `radius ${radius}, in Node ${expected[i]!.radius}`);
    logits.forEach((logit, j) => {
      assert.ok(Math.abs(logit - expected[i]!.logits[j]!) <= allowed, `logit ${j}`);
    });
  }
}

/** Gives the page pictures, and holds its answers against Node's. */
async function comparePictures(page: Page, certifier: Certifier): Promise<void> {
  const images = await pictures(certifier.certificate.input.shape);
  await givePictures(page, images);
  const pixels = images.map((image) => image.pixels);
  await compare(certifier, pixels, await savedAnswers(page));
}

/**
 * The explanation searches for the stretch with functions such as Math.exp, whose last bits are each engine's own: the
 * browser's is not Node's.
 */
function sixDecimals(explanation: unknown): unknown {
  return JSON.parse(JSON.stringify(explanation, (_, v) => (typeof v === 'number' ? Number(v.toFixed(6)) : v)));
}

describe('models in the page', () => {
  let built: BuiltPage;
  let browser: Browser;
  let server: StaticServer;
  let visited: Visit;

  before(async () => {
    [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
    server = await serveFolder(built.folder);
    visited = await visitInspect(browser, server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
  });

  it('seals and proves what other programs wrote, or says why not in the words of the command', async () => {
    const { page, complaints } = visited;
    for (const name of (await readdir(BYO)).filter((file) => file.endsWith('.onnx'))) {
      const bytes = await readFile(BYO + name);
      const found = await openModel(page, BYO + name);
      const here = await sealBytes(bytes, { source: name }).catch((error: unknown) => error as GleanError);
      if (here instanceof Error) {
        assert.ok(here instanceof GleanError, String(here));
        assert.equal(found, 'refused', name);
        assert.equal(await refusal(page), refusalOf(here, name).message);
        assert.match((await page.textContent('[data-slot="0"] .refusal table'))!, /has no rule/);
        continue;
      }
      assert.equal(found, 'proven', `${name}: ${await says(page)}`);
      const { lipschitz, explanation, certificate } = await savedProof(page);
      const { certificate: own, proven } = here.verified;
      assert.equal(lipschitz, proven.lipschitz, name);
      assert.deepEqual(certificate.lipschitz, own.lipschitz);
      assert.deepEqual(certificate.float32, own.float32);
      assert.equal(certificate.weightsSha256, own.weightsSha256);
      assert.deepEqual(certificate.training, own.training);
      const expected = await explain(here.bytes, here.verified);
      assert.deepEqual(sixDecimals(explanation), sixDecimals(expected));
      assert.equal(await page.locator('.proof-of .said').textContent(), explanationLines(expected).join('\n'));
      const certifier = await Certifier.load(here.bytes, { secondOpinion: false });
      await comparePictures(page, certifier);
      await certifier.dispose();
    }
    assert.deepEqual(complaints, []);
  });

  it('proves the models that we ship, and answers as Node does', async () => {
    const { page, complaints } = visited;
    for (const id of ['cmnist', 'avatars']) {
      const bytes = await readFile(`${MODELS}${id}/model.onnx`);
      assert.equal(await openModel(page, { name: `${id}.onnx`, buffer: bytes }), 'proven', id);
      const certifier = await Certifier.load(bytes, { secondOpinion: false });
      const proof = await savedProof(page);
      assert.equal(proof.lipschitz, certifier.model.proven!.lipschitz);
      assert.deepEqual(proof.certificate, (await readSealed(bytes)).certificate);
      assert.ok((await says(page)).includes(certifier.sha256));
      await comparePictures(page, certifier);
      await certifier.dispose();
    }
    assert.deepEqual(complaints, []);
  });
});
