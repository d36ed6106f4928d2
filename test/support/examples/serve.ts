/** Starts what serves an example, as `npm start` or `npm run dev` does, and stops all of it again. */
import { spawn } from 'node:child_process';

export interface Served {
  /** With a closing slash. */
  readonly url: string;
  close(): Promise<void>;
}

/** The address of this machine in what a server prints, colours left out. */
function addressIn(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with the escape character
  return /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(text.replaceAll(/\x1b\[[\d;]*m/g, ''))?.[0];
}

/**
 * Runs `npm run SCRIPT -- ARGS` in a folder until it prints its address.
 *
 * @throws Error with what it printed if it ends before
 */
export function serveScript(
  folder: string,
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Served> {
  // A group of its own: npm does not hand the signal on to what it has started. esbuild ends when its input ends.
  const options = { cwd: folder, env, detached: true, stdio: 'pipe' } as const;
  const child = spawn('npm', ['run', script, '--', ...args], options);
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let text = '';
  return new Promise((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      text += chunk.toString();
      const address = addressIn(text);
      if (address === undefined) return;
      resolve({
        url: `${address}/`,
        async close() {
          process.kill(-child.pid!, 'SIGKILL');
          await ended;
        },
      });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`npm run ${script} in ${folder} ended with ${code}:\n${text}`)));
  });
}
