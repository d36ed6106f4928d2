/** Verifies a model's bytes in a separate process, so that neither a long proof nor a crash affects the service. */
import { fork } from 'node:child_process';
import { moduleFile, NODE_ARGUMENTS } from './child.ts';

export interface VerifyQuestion {
  readonly bytes: Uint8Array;
  readonly publicKey: string | undefined;
  readonly signature: string | undefined;
}

export type Verdict = { readonly verified: true } | { readonly verified: false; readonly reason: string };

const CHILD = moduleFile(new URL('./verify-child.ts', import.meta.url));

/** Milliseconds after which a proof is abandoned. */
const LIMIT = 15 * 60_000;

/** Resolves with undefined if `stopping` ended the process before it answered. */
export function verifyApart(question: VerifyQuestion, stopping: AbortSignal): Promise<Verdict | undefined> {
  return new Promise((resolve, reject) => {
    if (stopping.aborted) return resolve(undefined);
    const child = fork(CHILD, [], {
      execArgv: [...NODE_ARGUMENTS],
      serialization: 'advanced',
      // ONNX Runtime's output must not mix with the log.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      signal: stopping,
      killSignal: 'SIGKILL',
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
    let answer: Verdict | undefined;
    child.once('message', (verdict: Verdict) => {
      answer = verdict;
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      if (stopping.aborted) resolve(undefined);
      else reject(error);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (answer === undefined && stopping.aborted) resolve(undefined);
      else resolve(answer ?? { verified: false, reason: `the process that verified it ended with ${signal ?? code}` });
    });
    child.send(question, (error) => {
      if (error !== null) child.kill('SIGKILL');
    });
  });
}
