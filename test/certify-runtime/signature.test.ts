/** Signing by the commands: keys, detached signatures, and what is refused. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { glean, SHIPPED_MODEL } from '../support/command/glean.ts';

let directory: string;
let keys: string[];
const path = (name: string) => join(directory, name);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glean-sign-'));
  await copyFile(SHIPPED_MODEL, path('model.onnx'));
  for (const name of ['mine', 'other']) {
    const made = await glean('keygen', '--out', path(name));
    assert.equal(made.code, 0, made.stderr);
  }
  keys = await readdir(directory, { recursive: true });
});

after(() => rm(directory, { recursive: true, force: true }));

/** The key files of a name, the private one told by its PEM label. */
async function keyFiles(name: string): Promise<{ priv: string; pub: string }> {
  const files = keys.filter((file) => file.startsWith(name) && file.endsWith('.pem')).map(path);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const find = (label: string) => files[texts.findIndex((text) => text.includes(`-----BEGIN ${label}-----`))]!;
  return { priv: find('PRIVATE KEY'), pub: find('PUBLIC KEY') };
}

describe('signing', { concurrency: false }, () => {
  it('keeps the private key to its owner, and overwrites none', async () => {
    const { priv } = await keyFiles('mine');
    assert.equal((await stat(priv)).mode & 0o077, 0);
    const before = await readFile(priv);
    assert.notEqual((await glean('keygen', '--out', path('mine'))).code, 0);
    assert.deepEqual(await readFile(priv), before);
  });

  it('refuses a model without a signature, accepts the signed one', async () => {
    const { priv, pub } = await keyFiles('mine');
    const unsigned = await glean('verify', path('model.onnx'), '--key', pub);
    assert.equal(unsigned.code, 1);
    const signed = await glean('sign', path('model.onnx'), '--key', priv);
    assert.equal(signed.code, 0, signed.stderr);
    const verified = await glean('verify', path('model.onnx'), '--key', pub);
    assert.equal(verified.code, 0, verified.stderr);
  });

  it('refuses another key, a changed signature and a cut one', async () => {
    const { pub } = await keyFiles('mine');
    const other = await keyFiles('other');
    assert.equal((await glean('verify', path('model.onnx'), '--key', other.pub)).code, 1);
    const good = await readFile(path('model.onnx.sig'), 'utf8');
    const { signature } = JSON.parse(good) as { signature: string };
    const changed = (signature[5] === 'A' ? 'B' : 'A') + signature.slice(6);
    await writeFile(path('changed.sig'), good.replace(signature, signature.slice(0, 5) + changed));
    await writeFile(path('cut.sig'), good.slice(0, good.length / 2));
    for (const name of ['changed.sig', 'cut.sig']) {
      const result = await glean('verify', path('model.onnx'), '--key', pub, '--signature', path(name));
      assert.equal(result.code, 1, name);
    }
  });

  it('is demanded by the certifier where a key is given', async () => {
    const mine = await keyFiles('mine');
    const other = await keyFiles('other');
    const publicKey = await readFile(mine.pub, 'utf8');
    const certifier = await Certifier.load(path('model.onnx'), { publicKey });
    await certifier.dispose();
    const wrong = await readFile(other.pub, 'utf8');
    await assert.rejects(Certifier.load(path('model.onnx'), { publicKey: wrong }), { code: 'SIGNATURE' });
  });
});
