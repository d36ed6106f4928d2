/** Releases of Node.js from npm: the lock file in test/support/node-releases pins their versions and digests. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './glean.ts';

const FOLDER = fileURLToPath(new URL('../node-releases', import.meta.url));

/** A release for this machine's processor. */
export interface NodeRelease {
  /** As `node --version` says it. */
  readonly version: string;
  /** The folder of the program `node`. */
  readonly bin: string;
}

/** What the release's own program says that it is, or why it does not run. */
async function foundVersion({ bin }: NodeRelease): Promise<string> {
  try {
    const { stdout, stderr } = await runProgram(join(bin, 'node'), ['--version']);
    return stdout.trim() || stderr;
  } catch (error) {
    return (error as Error).message;
  }
}

/** For each release that is not there: what was found in its place. */
async function missing(releases: readonly NodeRelease[]): Promise<string[]> {
  const found = await Promise.all(releases.map(foundVersion));
  return releases.flatMap(({ version, bin }, i) =>
    found[i] === version ? [] : [`${bin}/node: found ${found[i]}, expected ${version}`],
  );
}

/**
 * The release of each major version, installed where one of them is not there.
 *
 * @throws Error if the lock file names none for this processor, or one cannot be installed
 */
export async function nodeReleases(majors: readonly number[]): Promise<NodeRelease[]> {
  const lock = JSON.parse(await readFile(join(FOLDER, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  const releases = majors.map((major) => {
    const folder = `node_modules/node-${major}-${process.arch}`;
    const pinned = lock.packages[folder];
    if (pinned === undefined) throw new Error(`${FOLDER}/package-lock.json: found no ${folder}, expected a release`);
    return { version: `v${pinned.version}`, bin: join(FOLDER, folder, 'bin') };
  });
  if ((await missing(releases)).length > 0) {
    const { stderr } = await runProgram('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], FOLDER);
    const [first] = await missing(releases);
    if (first !== undefined) throw new Error(`${first}; npm ci says: ${stderr}`);
  }
  return releases;
}
