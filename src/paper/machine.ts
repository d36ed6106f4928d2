/** What a run was made on: it decides the last bits of the weights, and how long training takes. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import type { Result } from './result.ts';

const PACKAGES = ['@tensorflow/tfjs-node', 'onnxruntime-node'];

export function describeMachine(): Result['machine'] {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    platform: `${os.platform()} ${os.arch()}`,
  };
}

export function describeVersions(): Record<string, string> {
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const packages = PACKAGES.map((name) => [name, own.dependencies[name] ?? 'unknown'] as const);
  return { glean: own.version, node: process.version, ...Object.fromEntries(packages) };
}
