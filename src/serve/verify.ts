/** Verifies a model's bytes in a process of its own, so that neither a long proof nor a crash touches the service. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface VerifyQuestion {
  readonly bytes: Uint8Array;
  readonly publicKey: string | undefined;
  readonly signature: string | undefined;
}

export type Verdict = { readonly verified: true } | { readonly verified: false; readonly reason: string };

const CHILD = fileURLToPath(new URL('./verify-child.ts', import.meta.url));
/** The sources are TypeScript in every process; found from here, not from wherever the command was called. */
export const TSX = ['--import', import.meta.resolve('tsx')];

/** A proof that takes longer than this is given up. */
const LIMIT = 15 * 60_000;

export function verifyApart(question: VerifyQuestion): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [], {
      execArgv: TSX,
      serialization: 'advanced',
      // What ONNX Runtime prints must not mix with the log.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
    let answer: Verdict | undefined;
    child.once('message', (verdict: Verdict) => {
      answer = verdict;
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(answer ?? { verified: false, reason: `the process that verified it ended with ${signal ?? code}` });
    });
    child.send(question, (error) => {
      if (error !== null) child.kill('SIGKILL');
    });
  });
}
