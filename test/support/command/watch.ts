/** Watches what a program and its children write, look up and connect to, by a library that is preloaded into them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('watch/watch.c', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

interface Finding {
  readonly kind: 'write' | 'lookup' | 'connect';
  /** A path, a name or an address. */
  readonly what: string;
}

export interface Watch {
  /** A folder that the programs may write to. */
  readonly folder: string;
  /** For a program that is watched: an empty home, a temporary folder of its own, nothing of CI that changes what programs do. */
  readonly env: NodeJS.ProcessEnv;
  /** What was done outside the project, `folder` and the temporary folder, and whatever left this machine. */
  outside(): Promise<readonly Finding[]>;
  /** What lies in the home folder. */
  home(): Promise<readonly string[]>;
  close(): Promise<void>;
}

function compile(to: string): void {
  const problems = ['cc', 'gcc', 'clang'].map((compiler) => {
    const { status, stderr, error } = spawnSync(compiler, ['-shared', '-fPIC', '-o', to, SOURCE, '-ldl'], {
      encoding: 'utf8',
    });
    return status === 0 ? undefined : `${compiler}: ${stderr || error?.message}`;
  });
  assert.ok(problems.includes(undefined), problems.join('\n'));
}

const isLocal = (what: string) => /^(127\.|::1$|0\.0\.0\.0$|localhost$)/.test(what);

export async function startWatch(): Promise<Watch> {
  const root = await mkdtemp(join(tmpdir(), 'glean-watch-'));
  const place = (name: string) => join(root, name);
  await Promise.all(['home', 'given', 'tmp'].map((name) => mkdir(place(name))));
  compile(place('watch.so'));
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(XDG_|CI$|GITHUB_|TF_BUILD$|ORT_|npm_|FONTCONFIG_)/i.test(name),
  );
  const allowed = [PROJECT, `${place('given')}/`, `${place('tmp')}/`, '/dev/', '/proc/'];
  const findings = async (): Promise<Finding[]> => {
    const log = await readFile(place('log'), 'utf8').catch(() => '');
    const lines = [...new Set(log.split('\n').filter((line) => line !== ''))];
    return lines.map((line) => {
      const tab = line.indexOf('\t');
      return { kind: line.slice(0, tab) as Finding['kind'], what: line.slice(tab + 1) };
    });
  };
  return {
    folder: place('given'),
    env: {
      ...Object.fromEntries(kept),
      HOME: place('home'),
      TMPDIR: place('tmp'),
      LD_PRELOAD: place('watch.so'),
      GLEAN_WATCH: place('log'),
    },
    outside: async () =>
      (await findings()).filter(({ kind, what }) =>
        kind === 'write' ? !allowed.some((prefix) => `${resolve(what)}/`.startsWith(prefix)) : !isLocal(what),
      ),
    home: () => readdir(place('home'), { recursive: true }),
    close: () => rm(root, { recursive: true, force: true }),
  };
}
