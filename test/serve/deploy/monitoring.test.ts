/**
 * deploy/monitoring.yaml and deploy/grafana-dashboard.json: they ask for metrics and labels that a running service has, promtool
 * accepts the alerts, and each of these comes when it should and not before. docs/service.md names every metric.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Dashboard, Panel, RowPanel } from '@grafana/schema';
import type { IPrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { stringify } from 'yaml';
import { ServiceProcess } from '../../../pipeline/bench/service-process.ts';
import { runProgram } from '../../support/command/glean.ts';
import { images, inferUrl, jsonRequest } from '../protocol/requests.ts';
import { readManifests } from './manifests.ts';
import { readQuery } from './promql.ts';
import { problemsOf } from './type-problems.ts';

const DASHBOARD = 'deploy/grafana-dashboard.json';
/** The labels that Prometheus adds in a cluster, beside those that the service has. */
const TARGET = ['namespace', 'job', 'pod'];

let folder: string;
/** The text of /metrics, after predictions that are held against the service's least radius and one of their own. */
let metrics: string;
/** The labels of each series' name. */
const labelsOf = new Map<string, Set<string>>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-monitoring-'));
  const service = await ServiceProcess.start('--workers', '1', '--drain', '0', '--min-radius', '0.5');
  try {
    for (const parameters of [{}, { min_radius: 1000 }]) {
      const body = jsonRequest(images(2), { parameters });
      const response = await fetch(inferUrl(service), { method: 'POST', body });
      assert.equal(response.status, 200, await response.text());
    }
    metrics = await (await fetch(`${service.url}/metrics`)).text();
  } finally {
    await service.stop();
  }
  for (const [, name, labels] of metrics.matchAll(/^([a-z_]+)(?:\{(.*)\})? /gm)) {
    const known = labelsOf.get(name!) ?? new Set(TARGET);
    for (const [, label] of (labels ?? '').matchAll(/(\w+)="/g)) known.add(label!);
    labelsOf.set(name!, known);
  }
});
after(() => rm(folder, { recursive: true, force: true }));

/** @param others labels that its result must have */
function assertAnswerable(expression: string, others: Iterable<string> = []): void {
  const { selectors, groupings } = readQuery(expression);
  assert.ok(selectors.length > 0, expression);
  const all = new Set<string>();
  for (const { metric, labels } of selectors) {
    const known = labelsOf.get(metric);
    assert.ok(known !== undefined, `${expression}: /metrics has no ${metric}`);
    for (const label of labels) assert.ok(known.has(label), `${expression}: ${metric} has no label ${label}`);
    for (const label of known) all.add(label);
  }
  for (const label of [...groupings, ...others]) assert.ok(all.has(label), `${expression}: no label ${label}`);
}

async function ruleGroups() {
  const manifests = await readManifests('monitoring.yaml');
  return (manifests.find(({ kind }) => kind === 'PrometheusRule') as unknown as IPrometheusRule).spec.groups!;
}

test('alerts ask for metrics and labels that there are', async () => {
  const rules = (await ruleGroups()).flatMap((group) => group.rules!);
  assert.ok(rules.length > 5);
  for (const { expr, annotations } of rules) {
    const used = JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g);
    assertAnswerable(
      String(expr),
      Array.from(used, ([, label]) => label!),
    );
  }
});

test('the dashboard has the fields of its schema, and one that is misspelt or wrong would be found', async () => {
  const text = await readFile(DASHBOARD, 'utf8');
  const asType = (json: string) => `
    import type { Dashboard } from '@grafana/schema';
    type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
    export const dashboard: Plain<Dashboard> = ${json};`;
  const changes = [
    ['"templating"', '"templates"', /templates/],
    ['"gridPos"', '"gridPosition"', /gridPosition/],
    ['"schemaVersion": 39', '"schemaVersion": "39"', /not assignable to type 'number'/],
  ] as const;
  const modules = changes.map(([from, to]) => text.replace(from, to));
  const [none, ...found] = problemsOf([text, ...modules].map(asType));
  assert.equal(none, '');
  for (const [i, problems] of found.entries()) assert.match(problems, changes[i]![2]);
});

function targetsOf(panel: Panel | RowPanel): readonly { readonly expr: string; readonly legendFormat: string }[] {
  return ('targets' in panel ? panel.targets : []) as never;
}

test('the dashboard asks for metrics and labels that there are, and its panels do not overlap', async () => {
  const { panels, templating } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Required<Dashboard>;
  const variables = templating.list!.map(({ name }) => name);
  const queries = panels.flatMap(targetsOf);
  assert.ok(queries.length > 15);
  for (const { expr, legendFormat } of queries) {
    for (const [, name] of expr.matchAll(/\$(\w+)/g)) {
      assert.ok(name!.startsWith('__') || variables.includes(name!), `${expr}: no variable ${name}`);
    }
    const legend = legendFormat.matchAll(/\{\{(\w+)\}\}/g);
    assertAnswerable(
      expr.replaceAll('$__rate_interval', '5m'),
      Array.from(legend, ([, label]) => label!),
    );
  }
  for (const { query } of templating.list!) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec((query as { query?: string }).query ?? '') ?? [];
    if (metric !== undefined) assert.ok(labelsOf.get(metric)?.has(label!), `${metric} has no label ${label}`);
  }
  const taken = panels.flatMap(({ gridPos }) => {
    const { x, y, w, h } = gridPos!;
    assert.ok(x + w <= 24);
    return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
  });
  assert.equal(new Set(taken).size, taken.length);
});

test('the page of the service names every metric, and no other', async () => {
  const page = await readFile('docs/service.md', 'utf8');
  const families = [...metrics.matchAll(/^# TYPE (glean_\w+) /gm)].map(([, name]) => name!);
  const named = [...page.matchAll(/\bglean_[a-z_]+\b/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
  assert.deepEqual([...new Set(named)].sort(), [...families].sort());
});

/** Only CI brings promtool by itself (.ci/run). */
const HAS_PROMTOOL = await runProgram('promtool', ['--version']).then(
  ({ code }) => code === 0,
  () => false,
);
const PROMTOOL = {
  skip: HAS_PROMTOOL || process.env['CI'] !== undefined ? false : "no promtool on PATH (Debian's package prometheus)",
};

async function promtool(...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram('promtool', args, folder);
  assert.equal(code, 0, stdout + stderr);
}

test('promtool accepts the alerts, and each comes when it should', PROMTOOL, async () => {
  await writeFile(join(folder, 'rules.yaml'), stringify({ groups: await ruleGroups() }));
  await promtool('check', 'rules', '--lint=all', '--lint-fatal', 'rules.yaml');
  await copyFile('test/serve/deploy/alerts.yaml', join(folder, 'alerts.yaml'));
  await promtool('test', 'rules', 'alerts.yaml');
});

test('promtool has nothing against the metrics', PROMTOOL, async () => {
  await writeFile(join(folder, 'metrics'), metrics);
  const { code, stdout, stderr } = await runProgram('bash', ['-c', 'promtool check metrics < metrics'], folder);
  assert.equal(code, 0, stdout + stderr);
});

test('promtool accepts the queries of the dashboard', PROMTOOL, async () => {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Required<Dashboard>;
  const rules = panels.flatMap(targetsOf).map(({ expr }, i) => ({
    record: `query:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }));
  await writeFile(join(folder, 'queries.yaml'), stringify({ groups: [{ name: 'queries', rules }] }));
  await promtool('check', 'rules', 'queries.yaml');
});
