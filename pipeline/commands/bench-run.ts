/** The work of `glean bench`: runs the sections, prints their figures and compares them with their limits. */
import os from 'node:os';
import { AnswerIsNo } from '../../src/cli/terminal/answer.ts';
import { createReporter } from '../../src/evaluate/reporter.ts';
import { writeFileAtomic } from '../../src/files/atomic-file.ts';
import { type BenchSection, type Figure, holds } from '../bench/bench.ts';
import { type BenchArguments, SECTIONS } from './bench.ts';

/** The sections are loaded one by one, because each brings what it measures. */
const LOAD: Readonly<Record<(typeof SECTIONS)[number], () => Promise<BenchSection>>> = {
  overhead: async () => (await import('../bench/overhead.ts')).overhead,
  head: async () => (await import('../bench/head.ts')).head,
  convolution: async () => (await import('../bench/convolution.ts')).convolution,
  wasm: async () => (await import('../bench/wasm.ts')).wasm,
  throughput: async () => (await import('../bench/service.ts')).serviceThroughput,
  overload: async () => (await import('../bench/service-overload.ts')).serviceOverload,
};

function show({ name, value, unit, spread, limit }: Figure): string {
  const number = (x: number) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
  const range = spread === undefined ? '' : ` (${number(spread[0])} … ${number(spread[1])})`;
  const asked = limit === undefined ? '' : `, asked: at ${limit.at} ${limit.value}`;
  return `  ${name.padEnd(72)} ${number(value)} ${unit}${range}${asked}`;
}

/** @throws AnswerIsNo if a full run misses a limit */
export async function runBench({ section, quick, json, out }: BenchArguments): Promise<void> {
  const names = section ?? SECTIONS;
  const machine = { cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, node: process.version };
  const sections: Record<string, readonly Figure[]> = {};
  const { say } = createReporter();
  for (const name of names) {
    const { title, run } = await LOAD[name]();
    if (!json) console.log(title);
    sections[name] = await run({ quick, say: (line) => say(`  … ${line}`) });
    if (!json) for (const figure of sections[name]) console.log(show(figure));
  }
  const text = JSON.stringify({ date: new Date().toISOString(), quick, machine, sections }, null, 2);
  if (json) console.log(text);
  if (out !== undefined) await writeFileAtomic(out, `${text}\n`);
  const missed = Object.values(sections)
    .flat()
    .filter((figure) => !holds(figure));
  for (const { name } of missed) console.error(`not reached: ${name}`);
  if (missed.length > 0 && !quick) throw new AnswerIsNo();
}
