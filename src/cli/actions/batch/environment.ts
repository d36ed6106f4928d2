/** Looks, before anything is started, whether Python, its packages and Java are there, and says what to do if not. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { VERSION } from '../../../files/version.ts';

/** Where a clone has the package and, after `make spark`, an environment for it. */
const CLONE = fileURLToPath(new URL('../../../../python', import.meta.url));
const LEAST_JAVA = 17;
const MILLISECONDS = 60_000;

/** Prints which version of each package is there, without importing any. */
const PROBE = `
import importlib.metadata, json
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({name: version(name) for name in ("glean-certify", "pyspark", "pyarrow", "Pillow")}))
`;

/** The Python that is to run: the one that was asked for, or else the first that there is a reason to take. */
export function pythonFor(asked: string | undefined): string {
  const ofClone = join(CLONE, '.venv/bin/python');
  return asked ?? (process.env['PYSPARK_PYTHON'] || (existsSync(ofClone) ? ofClone : 'python3'));
}

async function output(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(program, args, { timeout: MILLISECONDS });
}

/** @throws InputError if this Python does not run, or lacks a package */
export async function checkPython(python: string): Promise<void> {
  let found: Readonly<Record<string, string | null>>;
  try {
    found = JSON.parse((await output(python, ['-c', PROBE])).stdout);
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0];
    throw new InputError(
      `${python}: does not run (${reason}); name a Python 3.10 or later with --python`,
      { python },
      { cause },
    );
  }
  const source = existsSync(join(CLONE, 'pyproject.toml')) ? CLONE : 'glean/python';
  const remedy = `install it with: ${python} -m pip install '${source}[spark]', or name another Python with --python`;
  for (const [name, version] of Object.entries(found)) {
    if (version === null) throw new InputError(`${python}: has no package ${name}; ${remedy}`, { python, name });
  }
  if (found['glean-certify'] !== VERSION) {
    const problem = `has glean-certify ${found['glean-certify']}, expected ${VERSION}`;
    throw new InputError(`${python}: ${problem}; ${remedy}`, { python, found: found['glean-certify'] });
  }
}

/** @throws InputError if there is no Java that Spark runs on */
export async function checkJava(): Promise<void> {
  const home = process.env['JAVA_HOME'];
  const java = home ? join(home, 'bin/java') : 'java';
  const remedy = `Spark needs Java ${LEAST_JAVA} or later: install it (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME`;
  let said: string;
  try {
    said = (await output(java, ['-version'])).stderr;
  } catch (cause) {
    const where = home ? `${java}: does not run, and JAVA_HOME names it` : "no 'java' on PATH";
    throw new InputError(`${where}; ${remedy}`, { java }, { cause });
  }
  const version = /version "(\d+)/.exec(said)?.[1];
  if (version !== undefined && Number(version) < LEAST_JAVA) {
    throw new InputError(`${java}: is Java ${version}; ${remedy}`, { java, version });
  }
}
