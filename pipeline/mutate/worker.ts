/** A process that runs tests against one mutant after another; the parent ends it where a mutant never returns. */

import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { SWITCHBOARD, type Switchboard } from './instrument.ts';
import type { FileUnit } from './node-test.ts';

/** Runs unit `unit` of a bundle with a mutant; `fresh`: the mutant is in what a module does when it is loaded. */
export interface RunRequest {
  readonly kind: 'run';
  readonly bundle: string;
  readonly unit: number;
  readonly point: number;
  readonly variant: number;
  readonly fresh: boolean;
}

/** Runs all units of a bundle made for coverage. */
export interface SurveyRequest {
  readonly kind: 'survey';
  readonly bundle: string;
  readonly points: number;
}

export type Request = RunRequest | SurveyRequest;

export interface Surveyed {
  readonly name: string;
  readonly failure: string | null;
  /** Points that it reached, with those that the file reached while it was loaded. */
  readonly reached: readonly number[];
  readonly ms: number;
}

export interface Reply {
  /** Why the unit failed; null: it passed. */
  readonly failure: string | null;
  /** Of processor time. */
  readonly ms: number;
  readonly memory: number;
  readonly units: readonly Surveyed[];
  /** Points that the file reached while it was loaded. */
  readonly atLoad: readonly number[];
}

// The same examples in each run; no time is lost with making a counterexample smaller.
fc.configureGlobal({ seed: 20260, endOnFailure: true });

// Bundles are long-lived and hold their own collector: the stand-in for node:test is a part of each.
interface Bundle {
  readonly collected: Promise<FileUnit[]>;
}

const board: Switchboard = { point: -1, variant: 0, reached: new Uint8Array(2 ** 16) };
Object.assign(globalThis, { [SWITCHBOARD]: board });

async function load(bundle: string, query: string): Promise<FileUnit[]> {
  const { collected } = (await import(`${pathToFileURL(bundle)}${query}`)) as Bundle;
  return collected;
}

const loaded = new Map<string, Promise<FileUnit[]>>();
let mutated = new Map<string, Promise<FileUnit[]>>();
let mutant = '';

function unitsOf({ bundle, point, variant, fresh }: RunRequest): Promise<FileUnit[]> {
  const query = fresh ? `?${point}.${variant}` : '';
  if (fresh && query !== mutant) [mutant, mutated] = [query, new Map()];
  const cache = fresh ? mutated : loaded;
  const known = cache.get(bundle) ?? load(bundle, query);
  cache.set(bundle, known);
  return known;
}

/** An error that no test waits for fails the test that is running. */
let escaped: unknown;
process.on('uncaughtException', (error) => {
  escaped = error;
});

async function failureOf(run: () => Promise<unknown>): Promise<string | null> {
  escaped = undefined;
  try {
    await run();
  } catch (error) {
    return String(error).slice(0, 300) || 'an error without a text';
  }
  return escaped === undefined ? null : String(escaped).slice(0, 300);
}

function busyMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function run(request: RunRequest): Promise<string | null> {
  // What is kept between mutants is loaded, and made, before any of them is switched on.
  if (!request.fresh) await (await unitsOf(request))[request.unit]!.prepare();
  [board.point, board.variant] = [request.point, request.variant];
  const failure = await failureOf(async () => (await unitsOf(request))[request.unit]!.run());
  board.point = -1;
  return failure;
}

async function survey({ bundle, points }: SurveyRequest): Promise<Pick<Reply, 'units' | 'atLoad'>> {
  board.reached.fill(0);
  const units = await load(bundle, '');
  const atLoad = board.reached.slice(0, points);
  const surveyed: Surveyed[] = [];
  const numbers = (reached: Uint8Array): number[] => [...reached.keys()].filter((i) => i < points && reached[i]);
  for (const unit of units) {
    board.reached.set(atLoad);
    board.reached.fill(0, points);
    const begin = busyMs();
    const failure = await failureOf(unit.run);
    const ms = busyMs() - begin;
    surveyed.push({ name: unit.name, failure, reached: numbers(board.reached), ms });
  }
  return { units: surveyed, atLoad: numbers(atLoad) };
}

async function answer(request: Request): Promise<Reply> {
  const begin = busyMs();
  let found: Pick<Reply, 'units' | 'atLoad'> = { units: [], atLoad: [] };
  const failure =
    request.kind === 'run'
      ? await run(request)
      : await failureOf(async () => {
          found = await survey(request);
        });
  return { failure, ms: busyMs() - begin, memory: process.memoryUsage.rss(), ...found };
}

process.on('message', (request: Request) => {
  answer(request).then((reply) => process.send!(reply));
});
