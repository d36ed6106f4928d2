/** `glean bench`: every speed figure the README states, as ratios measured in one run. */
import os from 'node:os';
import type { CommandModule } from 'yargs';
import { type BenchSection, type Figure, holds } from '../bench/bench.ts';
import { InputError } from '../certify-runtime/core/errors.ts';
import { writeFileAtomic } from '../export/atomic-file.ts';
import { AnswerIsNo } from './answer.ts';

/** Loaded one by one, so that --help starts at once. */
const SECTIONS: Readonly<Record<string, () => Promise<BenchSection>>> = {
  overhead: async () => (await import('../bench/overhead.ts')).overhead,
  convolution: async () => (await import('../bench/convolution.ts')).convolution,
  wasm: async () => (await import('../bench/wasm.ts')).wasm,
  throughput: async () => (await import('../bench/service.ts')).serviceThroughput,
  overload: async () => (await import('../bench/service.ts')).serviceOverload,
};

interface BenchArguments {
  section: string[] | undefined;
  quick: boolean;
  json: boolean;
  out: string | undefined;
}

function show({ name, value, unit, spread, limit }: Figure): string {
  const number = (x: number) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
  const range = spread === undefined ? '' : ` (${number(spread[0])} … ${number(spread[1])})`;
  const asked = limit === undefined ? '' : `, asked: at ${limit.at} ${limit.value}`;
  return `  ${name.padEnd(72)} ${number(value)} ${unit}${range}${asked}`;
}

export const benchCommand: CommandModule<object, BenchArguments> = {
  command: 'bench',
  describe: 'measure speed: ratios of things run in turn, with their spread',
  builder: (y) =>
    y
      .option('section', { type: 'string', array: true, describe: `some of ${Object.keys(SECTIONS).join(', ')}` })
      .option('quick', { type: 'boolean', default: false, describe: 'few rounds: to see that it works, not to report' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' })
      .option('out', { type: 'string', describe: 'write the answer as JSON to this file' }) as never,
  handler: async ({ section, quick, json, out }) => {
    const names = section ?? Object.keys(SECTIONS);
    const machine = { cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, node: process.version };
    const sections: Record<string, readonly Figure[]> = {};
    for (const name of names) {
      if (!Object.hasOwn(SECTIONS, name)) {
        throw new InputError(`no section '${name}'; expected some of ${Object.keys(SECTIONS).join(', ')}`);
      }
      const { title, run } = await SECTIONS[name]!();
      if (!json) console.log(title);
      sections[name] = await run({ quick, say: (line) => process.stderr.write(`  … ${line}\n`) });
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
  },
};
