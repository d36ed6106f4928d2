/** Runs the command as a user does: a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
export const SHIPPED_MODEL = fileURLToPath(new URL('../../../models/cmnist/model.onnx', import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `program` to its end and collects what it prints. */
export function runProgram(
  program: string,
  args: readonly string[],
  cwd = PROJECT,
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

/** Runs `glean` with these arguments. */
export function glean(...args: readonly string[]): Promise<CommandResult> {
  return runProgram(process.execPath, ['bin/glean.mjs', ...args]);
}
