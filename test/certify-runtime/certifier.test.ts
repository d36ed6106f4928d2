/** The certifier's API on real ONNX Runtimes: forms of images, providers, calls at once, signatures, disposal. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as wasmRuntime from 'onnxruntime-web';
import sharp from 'sharp';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { networkBytes } from '../../src/certify-runtime/run/network-bytes.ts';
import { checkArithmetic } from '../../src/certify-runtime/run/probe.ts';
import { generateKeys, readPrivateKey, sign } from '../../src/certify-runtime/signature/signing.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import type { Floats } from '../../src/certify-runtime/trusted/bounds/precision.ts';
import { InputError, ProviderError, SignatureError } from '../../src/certify-runtime/trusted/errors.ts';
import { imageNorms, marginCertificate } from '../../src/certify-runtime/trusted/margin.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { Certifier as WebCertifier } from '../../src/certify-runtime/web.ts';
import { writeOnnx } from '../../src/export/seal/onnx-writer.ts';
import { readRange } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { SHIPPED_MODEL } from '../support/command/glean.ts';
import { run } from '../support/networks/sealed.ts';

const bytes = new Uint8Array(await readFile(SHIPPED_MODEL));
const { test } = await openDataset('cmnist');
const SIZE = 28 * 28 * 3;
const image = (i: number) => test.read([i]);
const floats = (i: number) => Float32Array.from(image(i), (byte) => byte / 255);

let certifier: Certifier;
before(async () => {
  certifier = await Certifier.load(SHIPPED_MODEL);
});
after(() => certifier.dispose());

describe('predict', () => {
  it('gives what the file itself answers in ONNX Runtime, and never a larger radius than follows from the logits', async () => {
    const n = 200;
    const answers = await run(
      bytes,
      Float32Array.from(readRange(test, 0, n), (b) => b / 255),
      [28, 28, 3],
    );
    const predictions = await certifier.predictBatch(readRange(test, 0, n));
    predictions.forEach(({ label, radius, logits, className }, i) => {
      assert.equal(label, answers[i]!.label);
      assert.equal(className, certifier.certificate.classes[label]);
      // The file's own head bounds ‖x‖₁ by √n‖x‖₂.
      const more = radius - answers[i]!.radius;
      assert.ok(more > -1e-6 && more < 2e-3, `${more}`);
      const bound = marginCertificate(logits, imageNorms(floats(i)), certifier.model.terms);
      assert.equal(label, bound.label);
      assert.ok(radius <= bound.radius + 2 ** -22);
    });
  });

  it('takes bytes, floats, shapes, RGBA, ImageData, files, URLs and encoded bytes for the same image', async () => {
    const rgba = new Uint8ClampedArray(28 * 28 * 4).fill(255);
    for (let i = 0; i < 28 * 28; i++) rgba.set(image(3).subarray(3 * i, 3 * i + 3), 4 * i);
    const png = await sharp(image(3), { raw: { width: 28, height: 28, channels: 3 } })
      .png()
      .toBuffer();
    const forms = [
      image(3),
      floats(3),
      { data: image(3), shape: [28, 28, 3] },
      { data: floats(3), shape: [28, 28, 3] },
      { data: rgba, shape: [28, 28, 4] },
      { data: rgba, width: 28, height: 28 },
      { encoded: png },
    ] as const;
    const expected = await certifier.predict(image(3));
    for (const form of forms) assert.deepEqual(await certifier.predict(form), expected);
    const together = await certifier.predictBatch(forms);
    for (const { label, radius } of together) {
      assert.equal(label, expected.label);
      assert.ok(Math.abs(radius - expected.radius) < 1e-5);
    }
    const file = 'docs/images/digit-red.png';
    assert.deepEqual(await certifier.predict(file), await certifier.predict(pathToFileURL(file)));
  });

  it('lays transparent pixels over black', async () => {
    const rgba = new Uint8Array(28 * 28 * 4);
    for (let i = 0; i < 28 * 28; i++) rgba.set([200, 100, 50, i % 2 === 0 ? 255 : 0], 4 * i);
    const flat = Uint8Array.from({ length: SIZE }, (_, i) =>
      Math.floor(i / 3) % 2 === 0 ? [200, 100, 50][i % 3]! : 0,
    );
    assert.deepEqual(await certifier.predict({ data: rgba, shape: [28, 28, 4] }), await certifier.predict(flat));
  });

  it('names what is wrong with an image', async () => {
    const cases: readonly [unknown, RegExp][] = [
      [new Uint8Array(5), /expected 28×28×3 = 2352 pixels, got 5/],
      [{ data: new Uint8Array(784), shape: [28, 28, 1] }, /got 28×28×1/],
      [{ data: new Uint8Array(2352), shape: [14, 56, 3] }, /got 14×56×3/],
      [{ data: new Uint8Array(9), shape: [28, 28, 3] }, /got 9/],
      [{ data: new Uint8Array(9), width: 0, height: 0 }, /expected an image of/],
      [floats(0).fill(Number.NaN, 7, 8), /pixel 7 of image 0 is NaN/],
      [floats(0).fill(1.5, 0, 1), /pixel 0 of image 0 is 1.5/],
      [{ encoded: new Uint8Array(0) }, /found nothing/],
      [{ encoded: Uint8Array.of(1, 2, 3) }, /PNG, JPEG or WebP/],
      ['no/such/file.png', /no such file/],
      [null, /expected an image as pixels/],
      [7, /expected an image as pixels/],
      [{}, /expected an image as pixels/],
      [[1, 2, 3], /expected an image as pixels/],
    ];
    for (const [value, message] of cases) {
      await assert.rejects(certifier.predict(value as Uint8Array), (error: Error) => {
        assert.ok(error instanceof InputError, `${error}`);
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(certifier.predictBatch([]), InputError);
    await assert.rejects(certifier.predictBatch(new Uint8Array(SIZE + 1)), InputError);
    await assert.rejects(certifier.predictBatch([image(0), floats(1).fill(-1)]), /image 1 is -1/);
    // And it goes on.
    assert.equal((await certifier.predict(image(0))).label, (await certifier.predict(image(0))).label);
  });

  it('answers calls that overlap each for its own image', async () => {
    const expected = await Promise.all(Array.from({ length: 40 }, (_, i) => certifier.predict(image(i))));
    const singles: Promise<{ label: number; radius: number }>[] = [];
    const batches: Promise<readonly { label: number; radius: number }[]>[] = [];
    for (let i = 0; i < 40; i++) {
      singles.push(certifier.predict(i % 2 === 0 ? image(i) : floats(i)));
      if (i % 5 === 0) batches.push(certifier.predictBatch(readRange(test, i, i + 5)));
    }
    const answers = [...(await Promise.all(singles)), ...(await Promise.all(batches)).flat()];
    answers.forEach(({ label, radius }, i) => {
      assert.equal(label, expected[i % 40]!.label);
      assert.ok(Math.abs(radius - expected[i % 40]!.radius) < 1e-5);
    });
  });
});

describe('smooth', () => {
  it('repeats itself for a seed, differs by stream, and has options checked', async () => {
    const once = await certifier.smooth(image(1), { seed: 5 });
    assert.deepEqual(await certifier.smooth(floats(1), { seed: 5 }), once);
    assert.notEqual((await certifier.smooth(image(1), { seed: 5, stream: 1, n: 1000 })).count, once.count);
    assert.ok(once.radius <= 0.457);
    await assert.rejects(certifier.smooth(image(1), { sigma: -1 }), InputError);
    await assert.rejects(certifier.smooth(image(1), { n: 0 }), InputError);
    await assert.rejects(certifier.smooth(image(1), { seed: -1 }), InputError);
  });
});

describe('providers', () => {
  it('WASM gives the same labels, and logits within the proven slack', async () => {
    const web = await WebCertifier.load(bytes, { runtime: wasmRuntime });
    assert.equal(web.provider, 'wasm');
    const here = await certifier.predictBatch(readRange(test, 0, 300));
    const there = await web.predictBatch(readRange(test, 0, 300));
    there.forEach(({ label, radius }, i) => {
      assert.equal(label, here[i]!.label);
      assert.ok(Math.abs(radius - here[i]!.radius) < 1e-4);
    });
    const overlapping = await Promise.all(Array.from({ length: 8 }, (_, i) => web.predict(image(i))));
    overlapping.forEach(({ label }, i) => {
      assert.equal(label, here[i]!.label);
    });
    await web.dispose();
  });

  it('an absent provider is an error, or the next of a list is taken and named', async () => {
    // onnxruntime-node's package has no CUDA library without its install script.
    await assert.rejects(Certifier.load(bytes, { providers: 'cuda' }), ProviderError);
    const second = await Certifier.load(bytes, { providers: ['cuda', 'cpu'] });
    assert.equal(second.provider, 'cpu');
    assert.equal((await second.predict(image(0))).certificate.provider, 'cpu');
    await second.dispose();
    assert.equal(process.env['NVIDIA_TF32_OVERRIDE'], '0');
    await assert.rejects(Certifier.load(bytes, { providers: ['cuda', 'dml'] }), /no provider of the list works/);
  });

  it('CUDA is refused where TF32 is asked for', async () => {
    process.env['NVIDIA_TF32_OVERRIDE'] = '1';
    try {
      await assert.rejects(Certifier.load(bytes, { providers: 'cuda' }), /NVIDIA_TF32_OVERRIDE=1 is set/);
    } finally {
      process.env['NVIDIA_TF32_OVERRIDE'] = '0';
    }
  });

  it('a provider that nothing is proven about is refused, or gives no radius', async () => {
    await assert.rejects(Certifier.load(bytes, { providers: 'webgpu' }), /no radius is proven for provider 'webgpu'/);
    await assert.rejects(Certifier.load(bytes, { providers: 'constructor' }), ProviderError);
    const open = await Certifier.load(bytes, { providers: 'cpu', uncertified: true });
    const prediction = await open.predict(image(0));
    assert.equal(prediction.radius, null);
    assert.equal(prediction.label, (await certifier.predict(image(0))).label);
    await assert.rejects(open.smooth(image(0)), InputError);
    await open.dispose();
  });

  it('the probe tells TF32, bfloat16 and float16 from float32, and float32 from float64', async () => {
    const multiply =
      (round: (x: number) => number) =>
      async (a: Floats, b: Floats, [m, k, n]: readonly [number, number, number]) => {
        const y = new Float64Array(m * n);
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            for (let t = 0; t < k; t++) y[i * n + j]! += round(a[i * k + t]!) * round(b[t * n + j]!);
          }
        }
        return y;
      };
    /** To a significand of this many bits, the hidden one included. */
    const significand = (bits: number) => (x: number) => {
      if (x === 0) return 0;
      const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - bits + 1);
      return Math.round(x / unit) * unit;
    };
    await checkArithmetic(multiply(Math.fround));
    for (const bits of [11, 8]) await assert.rejects(checkArithmetic(multiply(significand(bits))), ProviderError);
    await checkArithmetic(
      multiply((x) => x),
      'float64',
    );
    // Float32, and a pair of float32.
    for (const round of [Math.fround, significand(48)])
      await assert.rejects(checkArithmetic(multiply(round), 'float64'), /does not compute in float64/);
  });
});

describe('what is run', () => {
  it('is the file without its head, byte for byte', () => {
    const whole = readOnnx(bytes);
    const network = readOnnx(networkBytes(bytes));
    const own = (name: string) => name.startsWith('glean/');
    const expected = {
      ...whole,
      metadata: new Map(),
      graph: {
        ...whole.graph,
        nodes: whole.graph.nodes.filter(({ name }) => !own(name)),
        initializers: new Map([...whole.graph.initializers].filter(([name]) => !own(name))),
        outputs: whole.graph.outputs.filter(({ name }) => name === 'logits' || name === 'latent'),
      },
    };
    assert.deepEqual(Buffer.from(writeOnnx(network)), Buffer.from(writeOnnx(expected)));
  });

  it('does not change with what the caller does to the bytes afterwards', async () => {
    const copy = bytes.slice();
    const loading = Certifier.load(copy);
    copy.fill(0);
    const other = await loading;
    assert.deepEqual(await other.predict(image(2)), await certifier.predict(image(2)));
    assert.equal(other.sha256, certifier.sha256);
    await other.dispose();
  });
});

describe('signatures', () => {
  it("stand for the proof where 'unless-signed' says so, and only where they are right", async () => {
    const { privatePem, publicPem } = await generateKeys();
    const signature = await sign(bytes, await readPrivateKey(privatePem));
    const trusting = { publicKey: publicPem, proof: 'unless-signed' } as const;
    const signed = await Certifier.load(bytes, { ...trusting, signature });
    assert.equal(signed.model.proven, null);
    assert.deepEqual(await signed.predict(image(0)), await certifier.predict(image(0)));
    await signed.dispose();
    await assert.rejects(Certifier.load(bytes, trusting), SignatureError);
    const changed = bytes.slice();
    changed[bytes.length >> 1]! ^= 1;
    await assert.rejects(Certifier.load(changed, { ...trusting, signature }), SignatureError);
    const unsigned = await Certifier.load(bytes, { ...trusting, requireSignature: false });
    assert.notEqual(unsigned.model.proven, null);
    await unsigned.dispose();
    await assert.rejects(Certifier.load(bytes, { proof: 'unless-signed' }), InputError);
  });
});

describe('dispose', () => {
  it('waits for the calls under way; later ones throw', async () => {
    const own = await Certifier.load(bytes);
    const random = createRandom(3);
    const calls = Array.from({ length: 20 }, () => own.predict(image(random.uint32() % 100)));
    const done = own.dispose();
    await assert.rejects(own.predict(image(0)), /disposed/);
    assert.equal((await Promise.all(calls)).length, 20);
    await done;
    await own.dispose();
  });
});
