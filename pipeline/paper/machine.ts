/**
 * The machine and the versions that a run was made with, which decide the last bits of the weights and how long
 * training takes.
 */
import os from 'node:os';
import process from 'node:process';
import { packageVersions } from '../../src/export/run/finished-run.ts';
import type { Result } from './result.ts';

export function describeMachine(): Result['machine'] {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    platform: `${os.platform()} ${os.arch()}`,
  };
}

export async function describeVersions(): Promise<Result['versions']> {
  return { node: process.version, ...(await packageVersions()) };
}
