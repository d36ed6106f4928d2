/** pipeline/setup.sh: what works stays until something better is complete, in a folder of any name. npm and pip are stand-ins. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Behaviour, killSetUp, runBeside, setUp, standInProject } from '../support/command/stand-in-project.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BARE: Behaviour = { bare: true };

/** Every character that a shell, make, npm, Python, a URL or a compiler could take for something else. */
const ODD = ` a'b"(c)#&;:$%41{}[]*!~@=,\`é日`;

let scratch: string;
let project: string;
let tools: string;
const inProject = (name: string) => join(project, name);
const called = async () => readFile(join(tools, 'log'), 'utf8').catch(() => '');

async function install(): Promise<void> {
  const { code, stderr } = await setUp(project, tools);
  assert.equal(code, 0, stderr);
}

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-setup-'));
  tools = join(scratch, 'tools');
  project = join(scratch, 'bare');
  await standInProject(project, tools);
  await cp(project, join(scratch, 'installed'), { recursive: true });
  project = join(scratch, 'installed');
  await install();
});
beforeEach(async () => {
  project = join(scratch, 'project');
  await cp(join(scratch, 'installed'), project, { recursive: true });
  await rm(join(tools, 'log'), { force: true });
});
afterEach(() => rm(project, { recursive: true, force: true }));
after(() => rm(scratch, { recursive: true }));

/** Other requirements and other packages than those that were installed. */
async function change(): Promise<void> {
  for (const file of ['pipeline/python/requirements.txt', '.npmrc']) {
    await writeFile(inProject(file), `${await readFile(inProject(file), 'utf8')}# changed\n`);
  }
  for (const folder of ['.venv', 'node_modules']) await writeFile(inProject(`${folder}/mine`), 'mine');
}

describe('what was installed', () => {
  it('is found again, with nothing started, in a folder that was moved to a machine without Python, compiler and network', async () => {
    const moved = join(scratch, `${ODD} moved`);
    await rename(project, moved);
    assert.deepEqual(await setUp(moved, tools, [], BARE), { code: 0, stdout: '', stderr: '' });
    assert.equal(await called(), '');
  });

  it('is found where an earlier version of the script made it in another folder', async () => {
    const marker = inProject('.venv/.glean-setup');
    await writeFile(marker, `${(await readFile(marker, 'utf8')).trim()} /another/folder\n`);
    assert.equal((await setUp(project, tools, [], BARE)).code, 0);
  });

  it('is made anew where its Python is gone from the machine', async () => {
    await rm(inProject('.venv/bin/python'));
    assert.notEqual((await setUp(project, tools, [], BARE)).code, 0);
    assert.ok(existsSync(inProject('.venv/lib')));
    await install();
    assert.ok(existsSync(inProject('.venv/bin/python')));
  });

  for (const [what, behaviour, folder] of [
    ['npm cannot install', { npm: 'fails' }, 'node_modules'],
    ['pip cannot install', { pip: 'fails' }, '.venv'],
  ] as const) {
    it(`stays where ${what}`, async () => {
      await change();
      const { code, stderr } = await setUp(project, tools, [], behaviour);
      assert.equal(code, 1);
      assert.match(stderr, /what was installed before is as it was/);
      assert.equal(await readFile(inProject(`${folder}/mine`), 'utf8'), 'mine');
      await install();
      assert.ok(!existsSync(inProject(`${folder}/mine`)), 'the new one is there once it can be made');
    });

    it(`stays where set-up is killed while it installs into ${folder}`, async () => {
      await change();
      const [tool] = Object.keys(behaviour);
      await killSetUp(project, tools, { [tool!]: 'hangs' }, async () => (await called()).includes(tool!));
      assert.equal(await readFile(inProject(`${folder}/mine`), 'utf8'), 'mine');
      assert.equal((await setUp(project, tools, [], behaviour)).code, 1);
      assert.equal(await readFile(inProject(`${folder}/mine`), 'utf8'), 'mine');
    });

    it(`is put back where set-up was killed between the two renames of ${folder}`, async () => {
      await change();
      await mkdir(inProject('.setup/old'), { recursive: true });
      await rename(inProject(folder), inProject(`.setup/old/${folder}`));
      assert.equal((await setUp(project, tools, [], behaviour)).code, 1);
      assert.equal(await readFile(inProject(`${folder}/mine`), 'utf8'), 'mine');
    });
  }

  it('leaves nothing of the making behind', async () => {
    await change();
    await install();
    assert.ok(!existsSync(inProject('.setup')));
  });
});

describe('Node.js', () => {
  for (const version of ['20.19.0', '22.0.0', '24.21.0', '26.10.0']) {
    it(`${version} is enough`, async () => {
      assert.deepEqual(await setUp(project, tools, ['--check'], { node: version }), {
        code: 0,
        stdout: '',
        stderr: '',
      });
    });
  }

  for (const version of ['18.20.8', '20.18.3']) {
    it(`${version} is refused, by every way to set up, before anything is downloaded`, async () => {
      await change();
      for (const args of [[], ['packages'], ['--check']]) {
        const { code, stderr } = await setUp(project, tools, args, { node: version });
        assert.equal(code, 1);
        assert.match(stderr, /Node\.js 20\.19 or later is needed; found v/);
      }
      assert.equal(await called(), '');
    });
  }

  it('is left out of what was installed: another version finds it complete', async () => {
    const nothing = { code: 0, stdout: '', stderr: '' };
    assert.deepEqual(await setUp(project, tools, [], { ...BARE, node: '26.10.0' }), nothing);
    assert.equal(await called(), '');
  });
});

describe('a folder of any name', () => {
  it('is set up: packages, environment, and a binding that finds its library', async () => {
    const odd = join(scratch, `${ODD} set up`);
    await cp(join(scratch, 'bare'), odd, { recursive: true });
    const { code, stderr } = await setUp(odd, tools);
    assert.equal(code, 0, stderr);
  });

  it('has programs that find their Python, wherever the environment is moved', async () => {
    const bin = join(scratch, 'environment/bin');
    await mkdir(bin, { recursive: true });
    await symlink(await realpath(join(ROOT, '.venv/bin/python')), join(bin, 'python'));
    const body = 'import sys\nprint(sys.argv[1:])\n';
    const long = `#!/bin/sh\n'''exec' "/a b/python3" "$0" "$@"\n' '''\n`;
    for (const [name, header] of Object.entries({ short: '#!/nowhere/bin/python3.11\n', long })) {
      await writeFile(join(bin, name), header + body, { mode: 0o755 });
    }
    await writeFile(join(bin, 'activate'), 'VIRTUAL_ENV=/nowhere\n');
    await promisify(execFile)(join(bin, 'python'), [join(ROOT, 'pipeline/python/relocatable.py'), dirname(bin)]);
    const moved = join(scratch, `${ODD} environment`);
    await rename(dirname(bin), moved);
    for (const name of ['short', 'long']) {
      const { stdout } = await promisify(execFile)(join(moved, 'bin', name), ['an argument']);
      assert.equal(stdout, "['an argument']\n");
    }
    assert.ok(!existsSync(join(moved, 'bin/activate')));
  });

  it('is refused before anything is downloaded where Node.js or tsx load nothing from it', async () => {
    for (const name of ['what?', 'back\\slash']) {
      const odd = join(scratch, name);
      await cp(join(scratch, 'bare'), odd, { recursive: true });
      for (const args of [[], ['packages'], ['--check']]) {
        const { code, stderr } = await setUp(odd, tools, args);
        assert.equal(code, 1);
        assert.ok(stderr.includes(odd) && stderr.includes('question mark'), stderr);
      }
    }
    assert.equal(await called(), '');
  });

  it('verifies a model by make, with no Python and no compiler', async () => {
    const odd = join(scratch, `${ODD} by make`);
    for (const file of ['Makefile', 'package.json', 'package-lock.json', '.npmrc', 'bin', 'src', 'pipeline']) {
      await cp(join(ROOT, file), join(odd, file), { recursive: true });
    }
    await cp(join(ROOT, 'models/cmnist'), join(odd, 'models/my model'), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(odd, 'node_modules'));
    const { code, stdout, stderr } = await runBeside(tools, BARE, odd, [
      'make',
      'verify',
      'MODEL=models/my model/model.onnx',
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /L ≤ 1\.0000/);
    assert.equal(await called(), '');
  });
});
