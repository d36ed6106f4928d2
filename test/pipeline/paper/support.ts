/** Experiments and results for tests of the report: made up, so that what the report must say of them is known. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Experiment, keyOf, type Place } from '../../../pipeline/paper/experiment.ts';
import { describeMachine } from '../../../pipeline/paper/machine.ts';
import {
  type CertifiedResult,
  type DataSummary,
  type Measured,
  type Result,
  Results,
} from '../../../pipeline/paper/result.ts';
import { smallConfig } from '../../support/training/train-fixture.ts';

export function experiment(
  id: string,
  change: {
    readonly kind?: 'sealed' | 'plain';
    readonly seeds?: number;
    readonly oracle?: string;
    readonly places?: readonly Place[];
    readonly stage?: number;
  } = {},
): Experiment {
  return {
    id,
    task: 'cmnist',
    method: `method ${id}`,
    short: id,
    oracle: change.oracle ?? null,
    config: { ...smallConfig(), id },
    seeds: Array.from({ length: change.seeds ?? 1 }, (_, i) => i),
    measurement: {
      kind: change.kind ?? 'sealed',
      smoothing: { sigma: 0.12, n: 100, n0: 10, alpha: 0.001 },
      images: 4,
      attack: { images: 1, steps: 1, restarts: 1 },
    },
    places: change.places ?? [{ section: 'main' }],
    stage: change.stage ?? 0,
    stride: 1,
  };
}

function certified(
  certificate: CertifiedResult['certificate'],
  images: 'all' | 'subset',
  acr: number,
): CertifiedResult {
  const radii = ['0.00', '0.05', '0.10', '0.15', '0.20', '0.25', '0.30', '0.35', '0.40', '0.45'];
  const certifiedAccuracy = Object.fromEntries(radii.map((r, i) => [r, 0.7 - 0.05 * i]));
  const curve = Array.from({ length: 61 }, (_, i) => Math.max(0, 0.7 - 0.01 * i));
  return { certificate, images, n: images === 'all' ? 8 : 4, accuracy: 0.7, acr, certifiedAccuracy, curve };
}

export function measured(kind: 'sealed' | 'plain', acr: number): Measured {
  const attack = {
    images: 1,
    points: 20,
    inside: 10,
    broken: 0,
    smallestRatio: 1.01,
    medianRatio: 1.2,
    gradients: 'exact',
  } as const;
  return {
    training: { seconds: 10, resumedAt: 0, accuracy: { train: { a: 0.8 }, validation: { a: 0.7, b: 0.8 } } },
    model: { bytes: 1000, sha256: 'ab' },
    proof: kind === 'sealed' ? { lipschitz: 1.0000001, slack: 0.003, attack } : null,
    certified:
      kind === 'sealed'
        ? [
            certified('margin', 'all', acr + 0.1),
            certified('margin', 'subset', acr + 0.1),
            certified('latent', 'all', acr),
            certified('latent', 'subset', acr),
          ]
        : [certified('image', 'subset', acr)],
    seconds: { export: 5, certify: 3, attack: 2 },
  };
}

export function result(of: Experiment, seed: number, outcome: Partial<Result>): Result {
  return {
    id: of.id,
    seed,
    key: keyOf({ experiment: of, seed }),
    finishedAt: '2026-01-01T00:00:00.000Z',
    machine: describeMachine(),
    versions: { glean: '0.1.0' },
    data: null,
    measured: null,
    failure: null,
    ...outcome,
  };
}

export function summary(sha256: string, labels: readonly number[]): DataSummary {
  const size = labels.reduce((sum, count) => sum + count, 0);
  const test = { name: 'test', size, labels: [...labels] };
  return { name: 'cmnist', title: 'Data', classes: labels.length, shape: [2, 2, 1], train: { a: 4 }, test, sha256 };
}

/** An empty folder's results. */
export async function emptyResults(): Promise<{ readonly folder: string; readonly results: Results }> {
  const folder = join(await mkdtemp(join(tmpdir(), 'glean-paper-')), 'results');
  return { folder, results: await Results.open(folder) };
}
