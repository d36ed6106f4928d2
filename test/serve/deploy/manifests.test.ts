/**
 * deploy/*.yaml: they have the fields of Kubernetes, the Prometheus Operator and KServe and no others, with values that the JSON
 * schemas let through; they fit one another; and no load fails their probes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IProbe } from 'kubernetes-models/v1/Probe';
import type { IService } from 'kubernetes-models/v1/Service';
import type { IInferenceService } from './kserve.ts';
import { type Manifest, readManifests } from './manifests.ts';
import { problemsOf } from './type-problems.ts';

/**
 * The module with what a kind must be: the type I and its name, and a class of its name that validates by the JSON schema. Both
 * packages are generated from the schemas that an API server has. KServe's is ours, and has the type only.
 */
function moduleOf({ apiVersion, kind }: Manifest): string {
  if (kind === 'InferenceService') return './kserve.ts';
  const isOperator = apiVersion.startsWith('monitoring.coreos.com/');
  return `${isOperator ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}/${kind}`;
}

/** The manifests as values of their types. */
function asTypes(manifests: readonly Manifest[]): string {
  const values = manifests.map((manifest, i) => {
    const type = `import('${moduleOf(manifest)}').I${manifest.kind}`;
    const whole = `${type} & Required<Pick<${type}, 'apiVersion' | 'kind' | 'metadata' | 'spec'>>`;
    return `export const manifest${i}: ${whole} = ${JSON.stringify(manifest)};\n`;
  });
  return values.join('');
}

const FILES = ['kubernetes.yaml', 'monitoring.yaml', 'kserve.yaml'] as const;

/** What is changed in the JSON of a file, and what must then be found. */
type Change = readonly [from: string | RegExp, to: string, found: RegExp];

const EVERYWHERE: readonly Change[] = [
  [/"apiVersion":"[^"]*"/, '"apiVersion":"v2"', /v2/],
  ['"metadata":', '"meta":', /meta/],
];
const POD: readonly Change[] = [
  ['"livenessProbe"', '"livenesProbe"', /livenesProbe/],
  ['"periodSeconds":2', '"periodSeconds":"2"', /'string' is not assignable to type 'number'/],
  ['"containers":', '"container":', /container/],
];
const MISSPELT: Readonly<Record<(typeof FILES)[number], readonly Change[]>> = {
  'kubernetes.yaml': [
    ...POD,
    ['"maxUnavailable":1,"unhealthy', '"maxUnavailabel":1,"unhealthy', /maxUnavailabel/],
    ['"scaleTargetRef"', '"scaleTarget"', /scaleTarget/],
    ['"ingress"', '"ingres"', /ingres/],
  ],
  'monitoring.yaml': [
    ['"scrapeTimeout"', '"scrapeTimeOut"', /scrapeTimeOut/],
    ['"expr"', '"expression"', /expr/],
  ],
  'kserve.yaml': POD,
};

test('manifests have the fields of their types, and one that is misspelt, missing or wrong would be found', async () => {
  const cases = await Promise.all(
    FILES.map(async (file) => {
      const manifests = await readManifests(file);
      const text = JSON.stringify(manifests);
      const changed = [...EVERYWHERE, ...MISSPELT[file]].map(([from, to, found]) => {
        const variant = text.replace(from, to);
        assert.notEqual(variant, text, `${file}: ${from}`);
        return { what: `${file}: ${from}`, source: asTypes(JSON.parse(variant)), found };
      });
      return [{ what: file, source: asTypes(manifests), found: /^$/ }, ...changed];
    }),
  );
  const problems = problemsOf(cases.flat().map(({ source }) => source));
  for (const [i, { what, found }] of cases.flat().entries()) assert.match(problems[i]!, found, what);
});

test('manifests have values that their JSON schemas let through, and others would be found', async () => {
  const validate = async (manifest: Manifest) => {
    const { [manifest.kind]: Model } = (await import(moduleOf(manifest))) as Record<
      string,
      new (
        of: Manifest,
      ) => { validate(): void }
    >;
    new Model!(manifest).validate();
  };
  for (const file of ['kubernetes.yaml', 'monitoring.yaml'] as const) {
    for (const manifest of await readManifests(file)) await validate(manifest);
  }
  const wrong: readonly Change[] = [
    ['"interval":"30s"', '"interval":"30 seconds"', /interval must match pattern/],
    ['"for":"5m"', '"for":"5 minutes"', /for must match pattern/],
    ['"severity":"critical"', '"severity":1', /severity must be string/],
  ];
  const text = JSON.stringify(await readManifests('monitoring.yaml'));
  for (const [from, to, found] of wrong) {
    const changed = JSON.parse(text.replace(from, to)) as readonly Manifest[];
    await assert.rejects(Promise.all(changed.map(validate)), found);
  }
});

test('what belongs together names the same pods and ports', async () => {
  const all = [...(await readManifests('kubernetes.yaml')), ...(await readManifests('monitoring.yaml'))];
  const find = <T>(kind: string) => all.find((manifest) => manifest.kind === kind) as unknown as T;
  const { metadata, spec } = find<IDeployment>('Deployment');
  const { labels } = spec!.template.metadata!;
  const service = find<IService>('Service');
  const monitor = find<IServiceMonitor>('ServiceMonitor');
  const policy = find<INetworkPolicy>('NetworkPolicy').spec!;
  const scaler = find<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler').spec!;
  const selectors = [
    spec!.selector.matchLabels,
    spec!.template.spec!.topologySpreadConstraints![0]!.labelSelector!.matchLabels,
    service.spec!.selector,
    find<IPodDisruptionBudget>('PodDisruptionBudget').spec!.selector!.matchLabels,
    policy.podSelector!.matchLabels,
  ];
  for (const selector of selectors) assert.deepEqual(selector, labels);
  assert.deepEqual(monitor.spec.selector!.matchLabels, service.metadata!.labels);
  const [container] = spec!.template.spec!.containers;
  const [port] = container!.ports!;
  assert.equal(service.spec!.ports![0]!.targetPort, port!.name);
  assert.equal(monitor.spec.endpoints![0]!.port, service.spec!.ports![0]!.name);
  assert.equal(policy.ingress![0]!.ports![0]!.port, port!.containerPort);
  assert.deepEqual(scaler.scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata!.name });
  // Each apply of the file would undo what the autoscaler did.
  assert.equal(spec!.replicas, undefined);
  // With one pod, the budget would let a drained node take the last one.
  assert.ok(scaler.minReplicas! >= 2);
  assert.deepEqual(container!.resources!.requests!['cpu'], container!.args![container!.args!.indexOf('--workers') + 1]);
});

/** The pod that a manifest describes. */
function podOf(manifest: Manifest): IPodSpec {
  const { spec } = manifest as unknown as IDeployment | IInferenceService;
  return 'predictor' in spec! ? spec.predictor : spec!.template.spec!;
}

for (const file of ['kubernetes.yaml', 'kserve.yaml']) {
  test(`${file}: one late answer takes no pod out, and a pod with much to do is not restarted`, async () => {
    const [manifest] = await readManifests(file);
    const { containers, terminationGracePeriodSeconds } = podOf(manifest!);
    const { args, readinessProbe, livenessProbe } = containers[0]!;
    // Kubernetes's own defaults are 1 s and 3.
    for (const { timeoutSeconds = 1, failureThreshold = 3 } of [readinessProbe!, livenessProbe!]) {
      assert.ok(timeoutSeconds >= 5 && failureThreshold >= 3);
    }
    const patience = ({ periodSeconds = 10, failureThreshold = 3 }: IProbe) => periodSeconds * failureThreshold;
    assert.ok(patience(livenessProbe!) > 2 * patience(readinessProbe!), 'taken out long before it is restarted');
    const drain = Number(args![args!.indexOf('--drain') + 1]);
    assert.ok(terminationGracePeriodSeconds! > drain + 30);
  });
}
