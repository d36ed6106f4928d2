/** What becomes of more than the service can serve: its goodput over its capacity, both measured in turn on the same machine. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BenchSection, type Figure, median } from './bench.ts';
import { gleanBinary, gleanJson } from './service-bodies.ts';
import { type Outcome, openLoop, type Post, retrying } from './service-load.ts';
import { ServiceProcess } from './service-process.ts';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));
const MIB = 2 ** 20;

/** Small bodies and large ones, binary and JSON: 2.4 KB, 75 KB, 26 KB, 830 KB. */
const FORMS: readonly (readonly [name: string, post: (port: number) => Post])[] = [
  ['binary, 1 image', (port) => gleanBinary(port, 1, 'UINT8')],
  ['binary, 32 images', (port) => gleanBinary(port, 32, 'UINT8')],
  ['JSON, 1 image', (port) => gleanJson(port)],
  ['JSON, 32 images', (port) => gleanJson(port, 32)],
];

/** Clients that keep one worker busy without a queue worth the name. */
const BUSY = 8;
const OFFERED = [2, 4] as const;
/** Over which the open loop sends: more than that many unanswered requests it does not have. */
const CONNECTIONS = 64;
const CROWD = 512;

/** Overload over capacity, by round. */
interface Ratios {
  readonly goodput: number[];
  /** Of answers for each second of the workers' processor time: what others do on the machine is not in it. */
  readonly byProcessor: number[];
}

function ratio(name: string, values: readonly number[], least?: number): Figure {
  const spread = [Math.min(...values), Math.max(...values)] as const;
  const limit = least === undefined ? {} : { limit: { at: 'least', value: least } as const };
  return { name, value: median(values), unit: '×', spread, ...limit };
}

function figuresOf(name: string, { goodput, byProcessor }: Ratios, least: number): readonly Figure[] {
  return [
    ratio(`${name}: goodput, of capacity`, goodput, least),
    ratio(`${name}: answers a second of processor time, of those at capacity`, byProcessor),
  ];
}

async function withService<T>(workers: number, use: (service: ServiceProcess) => Promise<T>): Promise<T> {
  const service = await ServiceProcess.start('--workers', String(workers), '--models', MODELS);
  try {
    return await use(service);
  } finally {
    await service.stop();
  }
}

/** Seconds of processor time that processes have taken; Linux counts it in hundredths. */
async function processorSeconds(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}

/** What `overload` gets answered, over what is answered just before and just after it without overload. */
async function overCapacity(
  rounds: number,
  service: ServiceProcess,
  capacity: () => Promise<Outcome>,
  overload: (capacity: number) => Promise<Outcome>,
): Promise<Ratios> {
  const workers = service.workers();
  const measure = async (load: () => Promise<Outcome>) => {
    const begin = await processorSeconds(workers);
    const { goodput, statuses } = await load();
    return { goodput, byProcessor: (statuses.get(200) ?? 0) / ((await processorSeconds(workers)) - begin) };
  };
  const ratios: Ratios = { goodput: [], byProcessor: [] };
  let before = await measure(capacity);
  for (let round = 0; round < rounds; round++) {
    const { goodput } = before;
    const over = await measure(() => overload(goodput));
    const after = await measure(capacity);
    for (const of of ['goodput', 'byProcessor'] as const) ratios[of].push((2 * over[of]) / (before[of] + after[of]));
    before = after;
  }
  return ratios;
}

async function ratios(rounds: number, seconds: number, say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const add = (name: string, values: Ratios, least: number) => {
    const shown = (list: readonly number[]) => list.map((value) => value.toFixed(2)).join(' ');
    say(`${name}: ${shown(values.goodput)}; by processor time ${shown(values.byProcessor)}`);
    figures.push(...figuresOf(name, values, least));
  };
  for (const [name, form] of FORMS) {
    await withService(1, async (service) => {
      const post = form(service.port);
      const capacity = () => retrying(post, BUSY, { seconds, warmUp: seconds / 4 });
      await capacity();
      for (const offered of OFFERED) {
        const overload = (rate: number) => openLoop(post, offered * rate, { seconds, warmUp: seconds }, CONNECTIONS);
        add(`${name}, ${offered}× offered`, await overCapacity(rounds, service, capacity, overload), 0.85);
      }
    });
    await withService(2, async (service) => {
      const post = form(service.port);
      const capacity = () => retrying(post, 2 * BUSY, { seconds, warmUp: seconds / 4 });
      await capacity();
      // It takes a while until all of them are connected.
      const crowd = () => retrying(post, CROWD, { seconds, warmUp: 2 * seconds });
      add(`${name}, ${CROWD} clients that retry at once`, await overCapacity(rounds, service, capacity, crowd), 0.5);
    });
  }
  return figures;
}

/** Resident bytes of a process and of those it began, by what the kernel says. */
async function residentBytes(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) * 1024),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Milliseconds of a probe as a cluster sends it: over a connection of its own. */
async function probe(url: string): Promise<number> {
  const begin = performance.now();
  const { ok } = await fetch(`${url}/v2/health/ready`, { headers: { connection: 'close' } });
  return ok ? performance.now() - begin : Number.POSITIVE_INFINITY;
}

function labelsOf(body: Buffer): unknown {
  const { outputs } = JSON.parse(body.toString()) as { outputs: readonly { name: string; data: unknown }[] };
  return outputs.find(({ name }) => name === 'label')?.data;
}

/** Four times what can be served, for as long as it takes to see that nothing grows. */
function soak(seconds: number, say: (line: string) => void): Promise<readonly Figure[]> {
  return withService(1, async (service) => {
    const post = gleanBinary(service.port, 32, 'UINT8');
    const url = `${service.url}${post.path}`;
    const first = await fetch(url, { method: 'POST', headers: post.headers, body: new Uint8Array(post.body) });
    const expected = JSON.stringify(labelsOf(Buffer.from(await first.arrayBuffer())));
    const { goodput: capacity } = await retrying(post, BUSY, { seconds: 2, warmUp: 1 });
    const pids = [service.process.pid!, ...service.workers()];
    const memory: number[] = [];
    const probes: Promise<number>[] = [];
    const timer = setInterval(() => {
      void residentBytes(pids).then((bytes) => memory.push(bytes));
      probes.push(probe(service.url));
    }, 500);
    const right = (body: Buffer) => JSON.stringify(labelsOf(body)) === expected;
    const result = await openLoop(post, 4 * capacity, { seconds, warmUp: 0 }, CONNECTIONS, right);
    clearInterval(timer);
    const late = (await Promise.all(probes)).sort((a, b) => a - b);
    const count = (status: number) => result.statuses.get(status) ?? 0;
    const answered = [...result.statuses.values()].reduce((sum, value) => sum + value, 0);
    const quarter = Math.max(1, memory.length >> 2);
    const [early, end] = [memory.slice(quarter, 2 * quarter), memory.slice(-quarter)].map(median) as [number, number];
    say(`${result.sent} sent, ${count(200)} accepted, ${count(503)} refused`);
    return [
      { name: 'accepted and wrong', value: result.wrong, unit: '', limit: { at: 'most', value: 0 } },
      {
        name: 'neither accepted nor refused with 503',
        value: answered - count(200) - count(503) + result.lost,
        unit: '',
        limit: { at: 'most', value: 0 },
      },
      {
        name: 'p99 of the accepted',
        value: result.accepted[Math.floor(result.accepted.length * 0.99)]!,
        unit: 'ms',
        limit: { at: 'most', value: 1000 },
      },
      {
        name: 'slowest readiness probe',
        value: late.at(-1)!,
        unit: 'ms',
        // deploy/: three in a row, 5 s each.
        limit: { at: 'most', value: 5000 },
      },
      { name: 'memory at the end', value: end / MIB, unit: 'MiB' },
      { name: 'memory, last quarter to second', value: end / early, unit: '×', limit: { at: 'most', value: 1.1 } },
    ];
  });
}

export const serviceOverload: BenchSection = {
  name: 'service-overload',
  title: 'Service under more than it can serve: goodput over capacity, measured in turn',
  async run({ quick, say }) {
    return [...(await ratios(quick ? 1 : 4, quick ? 1 : 3, say)), ...(await soak(quick ? 8 : 60, say))];
  },
};
