/** What the page for anybody's model does without a browser: addresses, folders, order, tables, lanes, sizes of pictures. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { modelAddress, nameOf } from '../../../src/page/inspect/address.ts';
import { channelsOf } from '../../../src/page/inspect/pictures/channels.ts';
import { classOf, placed } from '../../../src/page/inspect/pictures/collect.ts';
import { type Row, sorted } from '../../../src/page/inspect/pictures/rows.ts';
import { asCsv } from '../../../src/page/inspect/pictures/table.ts';
import { placeInLanes, without } from '../../../src/page/inspect/view/lanes.ts';
import { pictureSize } from '../../../src/page/inspect/worker/picture-size.ts';
import type { Opened } from '../../../src/page/inspect/worker/protocol.ts';

const BASE = 'https://page.example/under/';

describe('addresses of models', () => {
  it('are https, or of the page’s own host', () => {
    assert.equal(modelAddress('model.onnx', BASE).href, `${BASE}model.onnx`);
    assert.equal(modelAddress('https://other.example/a%20b.onnx?x=1', BASE).hostname, 'other.example');
    assert.equal(modelAddress('x.onnx', 'http://localhost:8080/').protocol, 'http:');
    for (const text of [
      'http://other.example/a',
      'ftp://page.example/a',
      'data:,x',
      'javascript:x',
      'blob:https://page.example/1',
      'https://u:p@a.example/',
    ])
      assert.throws(() => modelAddress(text, BASE), /\?model=/, text);
  });

  it('end in the name of a file', () => {
    assert.equal(nameOf(new URL('https://a.example/b/c%20d.onnx?e#f')), 'c d.onnx');
    assert.equal(nameOf(new URL('https://a.example/')), 'model.onnx');
    assert.equal(nameOf(new URL('https://a.example/100%.onnx')), '100%.onnx');
  });
});

describe('folders of pictures', () => {
  const at = (path: string) => {
    const { folder, domain } = placed(new File([], path.split('/').at(-1)!), path);
    return { folder, domain };
  };

  it('are DOMAIN/CLASS, CLASS, or flat', () => {
    assert.deepEqual(at('a.png'), { folder: undefined, domain: undefined });
    assert.deepEqual(at('cat/a.png'), { folder: 'cat', domain: undefined });
    assert.deepEqual(at('top/cat/a.png'), { folder: 'cat', domain: undefined });
    assert.deepEqual(at('top/photo/cat/a.png'), { folder: 'cat', domain: 'photo' });
  });

  it('name a class whatever the case and the spaces, and nothing else', () => {
    const classes = ['Not smiling', 'smiling', 'SMILING'];
    assert.equal(classOf('not_smiling', classes), 0);
    assert.equal(classOf('SMILING', classes), 2, 'the very name first');
    assert.equal(classOf('smilin', classes), undefined);
    assert.equal(classOf(undefined, classes), undefined);
  });
});

const row = (path: string, radius: number | null, label = 0, truth?: number): Row => ({
  picture: { file: new File([], path), path, folder: undefined, domain: undefined },
  results: [
    radius === null
      ? { problem: 'not read' }
      : { truth, answer: { label, className: `class ${label}`, radius, logits: new Float32Array(2) } },
  ],
});

describe('answers', () => {
  const rows = [row('b,"1".png', 0.5, 0, 1), row('a.png', 0.1, 1, 1), row('c.png', null)];
  const names = (list: readonly Row[]) => list.map(({ picture }) => picture.path[0]).join('');

  it('are sorted with what could not be read at the end', () => {
    assert.equal(names(sorted(rows, 'least', 0)), 'abc');
    assert.equal(names(sorted(rows, 'most', 0)), 'bac');
    assert.equal(names(sorted(rows, 'wrong', 0)), 'bac');
    assert.equal(names(sorted(rows, 'name', 0)), 'abc');
  });

  it('are written as CSV that a reader takes apart again', () => {
    const model = { certificate: { classes: ['class 0', 'class 1'] } } as unknown as Opened;
    const lines = asCsv(rows, [model, null]).split('\r\n');
    assert.equal(lines[0], 'file,domain,folder,truth,label,radius,problem');
    assert.equal(lines[1], '"b,""1"".png",,,class 1,class 0,0.5,');
    assert.equal(lines[3], 'c.png,,,,,,not read');
  });
});

describe('lanes', () => {
  const graphs = fc
    .integer({ min: 1, max: 14 })
    .chain((rows) =>
      fc.tuple(
        ...Array.from({ length: rows }, (_, i) =>
          i === 0 ? fc.constant<number[]>([]) : fc.uniqueArray(fc.nat({ max: i - 1 }), { minLength: 1, maxLength: 3 }),
        ),
      ),
    );

  it('keep every edge clear of the rows that it does not belong to', () => {
    fc.assert(
      fc.property(graphs, (from) => {
        const { lanes, edges, width } = placeInLanes(from);
        assert.ok(lanes.every((lane) => lane >= 0 && lane < width));
        // An edge runs in the lane of the row that it comes from, up to the row above the one that it leads to.
        for (const [a, b] of edges)
          for (let r = a + 1; r < b; r++) assert.notEqual(lanes[r], lanes[a], `${a}→${b} at ${r}`);
      }),
    );
  });

  it('lead past what is left out', () => {
    const { rows, from } = without([[], [0], [1], [0, 2]], (r) => r !== 1 && r !== 2);
    assert.deepEqual(rows, [0, 3]);
    assert.deepEqual(from, [[], [0]]);
  });
});

describe('pictures', () => {
  const raw = { raw: { width: 37, height: 21, channels: 4 as const } };
  const noise = Uint8Array.from({ length: 37 * 21 * 4 }, (_, i) => (i * 7919) % 256);

  it('say their size before they are decoded', async () => {
    const make = () => sharp(noise, raw);
    for (const [format, file] of [
      ['PNG', make().png()],
      ['JPEG', make().jpeg()],
      ['JPEG', make().jpeg({ progressive: true }).withMetadata()],
      ['WebP', make().webp()],
      ['WebP', make().webp({ lossless: true })],
      ['WebP', make().removeAlpha().webp()],
    ] as const) {
      assert.deepEqual(pictureSize(await file.toBuffer()), { format, width: 37, height: 21 });
    }
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode('GIF89a'.padEnd(60, 'x'))])
      assert.equal(pictureSize(bytes), undefined);
    const cut = (await make().jpeg().toBuffer()).subarray(0, 40);
    assert.equal(pictureSize(cut), undefined);
  });

  it('become grey as sharp makes them grey, within a level', async () => {
    const opaque = noise.map((value, i) => (i % 4 === 3 ? 255 : value));
    const expected = await sharp(opaque, raw).removeAlpha().toColourspace('b-w').raw().toBuffer();
    const found = channelsOf(new Uint8ClampedArray(opaque), 1);
    assert.equal(found.length, expected.length);
    found.forEach((value, i) => {
      assert.ok(Math.abs(value - expected[i]!) <= 1, `pixel ${i}: ${value}, sharp ${expected[i]}`);
    });
    assert.deepEqual([...channelsOf(Uint8ClampedArray.of(200, 100, 50, 128), 3)], [100, 50, 25]);
  });
});
