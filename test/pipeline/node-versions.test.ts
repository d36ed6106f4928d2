/** The releases of Node.js that are current beside the machine's own: the whole way of a small model works on each of them. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runProgram } from '../support/command/glean.ts';
import { type NodeRelease, nodeReleases } from '../support/command/node-releases.ts';
import { colourOf, plain } from '../train/data/readers/image-files.ts';

/** The long-term release and the current one. */
const MAJORS = [24, 26];

const DOMAINS = ['day', 'night', 'rain'];
const CLASSES = ['bus', 'car'];
const EACH = 10;

let folder: string;
let releases: readonly NodeRelease[];

/** Images, and a configuration that trains on them for a few steps. */
async function writeTraining(): Promise<void> {
  const dir = join(folder, 'images');
  for (const [d, domain] of DOMAINS.entries()) {
    for (const [label, name] of CLASSES.entries()) {
      await mkdir(join(dir, domain, name), { recursive: true });
      for (let i = 0; i < EACH; i++) {
        const image = plain(colourOf((d * CLASSES.length + label) * EACH + i), 8);
        await image.png().toFile(join(dir, domain, name, `${i}.png`));
      }
    }
  }
  const config = {
    id: 'small',
    title: 'Small',
    data: { name: 'folder', dir, side: 8 },
    network: { hidden: [8, 8] },
    objective: {
      noise: 0.12,
      penalty: { kind: 'irm', weight: 1, before: 1, warmup: 0 },
      environments: { kind: 'given' },
    },
    optimizer: { steps: 3, perEnvironment: 8, learningRate: 0.01 },
    augmentation: { shift: 1 },
    seed: 0,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await plain(colourOf(7), 8).png().toFile(join(folder, 'picture.png'));
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-node-'));
  releases = await nodeReleases(MAJORS);
  await writeTraining();
});
after(() => rm(folder, { recursive: true, force: true }));

describe('set-up, training, export, verification, prediction and service', { concurrency: false }, () => {
  for (const [i, major] of MAJORS.entries()) {
    it(`work on Node.js ${major}`, async () => {
      const { version, bin } = releases[i]!;
      assert.ok(version.startsWith(`v${major}.`));
      const env = { ...process.env, PATH: [bin, process.env['PATH']].join(delimiter) };
      const args = ['--import', 'tsx', 'test/support/command/smoke-child.ts', folder];
      const { code, stdout, stderr } = await runProgram(join(bin, 'node'), args, undefined, env);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trim(), version);
    });
  }

  it('seal the same bytes on both', async () => {
    const [first, second] = await Promise.all(
      releases.map(({ version }) => readFile(join(folder, version, 'models/small/model.onnx'))),
    );
    assert.ok(first!.equals(second!));
  });
});
