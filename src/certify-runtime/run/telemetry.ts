/** The telemetry of onnxruntime-node, which its library reads from the environment when the first session is made. */
import { isMainThread } from 'node:worker_threads';
import { ProviderError } from '../trusted/errors.ts';

const SWITCH = 'ORT_DISABLE_TELEMETRY';

/** The environment of the process itself: a worker thread's `process.env` is a copy that native code never sees. */
function nativeEnvironment(): Readonly<Record<string, string>> {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  // The report would otherwise look up the names of the peers of open connections.
  report.excludeNetwork = true;
  const { environmentVariables } = report.getReport() as unknown as { environmentVariables: Record<string, string> };
  report.excludeNetwork = excludeNetwork;
  return environmentVariables;
}

/**
 * Switches telemetry off for this process, unless the environment already sets the variable.
 *
 * Otherwise the prebuilt library for Linux and macOS (1.30) writes a device identifier to the user's cache folder and
 * posts events to its vendor. The variable is ONNX Runtime's own.
 *
 * @throws ProviderError in a worker thread of a process whose own environment lacks the variable
 */
export function switchOffTelemetry(): void {
  if (!process.env[SWITCH]) process.env[SWITCH] = '1';
  if (process.env[SWITCH] !== '1' || isMainThread || nativeEnvironment()[SWITCH] === '1') return;
  throw new ProviderError(
    `the telemetry of onnxruntime-node cannot be switched off from a worker thread: set ${SWITCH}=1 for the process, ` +
      'or load glean-certify/node in the main thread before the worker starts',
    { variable: SWITCH },
  );
}
