/** deploy/*.yaml: they have the fields of Kubernetes and of KServe and no others, and probes that load cannot fail. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { test } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { PodSpec, Probe } from 'kubernetes-types/core/v1.js';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';
import type { InferenceService } from './kserve.ts';

interface Manifest {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Where the type of a kind is from; each is named like the kind. */
const TYPES: Readonly<Record<string, string>> = {
  Deployment: 'kubernetes-types/apps/v1.js',
  Service: 'kubernetes-types/core/v1.js',
  InferenceService: './kserve.ts',
};

async function readManifests(file: string): Promise<readonly Manifest[]> {
  return parseAllDocuments(await readFile(`deploy/${file}`, 'utf8')).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Manifest;
  });
}

/** The manifests as values of their types. */
function asTypes(manifests: readonly Manifest[]): string {
  const values = manifests.map((manifest, i) => {
    const from = TYPES[manifest.kind];
    assert.ok(from !== undefined, `no type is known for ${manifest.kind}`);
    const type = `import('${from}').${manifest.kind}`;
    const whole = `${type} & Required<Pick<${type}, 'apiVersion' | 'kind' | 'metadata' | 'spec'>>`;
    return `export const manifest${i}: ${whole} = ${JSON.stringify(manifest)};\n`;
  });
  return values.join('');
}

/**
 * What the compiler says of each of these lists of manifests: of fields that are missing, unknown, or not of their type. The types
 * of `kubernetes-types` are generated from Kubernetes's OpenAPI schema.
 */
function problemsOf(lists: readonly (readonly Manifest[])[]): readonly string[] {
  const texts = new Map(lists.map((list, i) => [resolve(`test/serve/manifests-${i}.ts`), asTypes(list)]));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => texts.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile.call(host, file, version, ...rest)
      : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const found = ts.getPreEmitDiagnostics(program);
  const others = found.filter(({ file }) => !texts.has(file?.fileName ?? ''));
  assert.deepEqual(
    others.map(({ messageText }) => messageText),
    [],
  );
  return [...texts.keys()].map((name) =>
    found
      .filter(({ file }) => file?.fileName === name)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
      .join('\n'),
  );
}

/** The pod that a manifest describes. */
function podOf(manifest: Manifest): PodSpec {
  const { spec } = manifest as unknown as Deployment | InferenceService;
  return 'predictor' in spec! ? spec.predictor : spec!.template.spec!;
}

for (const file of ['kubernetes.yaml', 'kserve.yaml']) {
  test(`${file} has the fields of its schema, and one that is misspelt, missing or wrong would be found`, async () => {
    const manifests = await readManifests(file);
    const text = JSON.stringify(manifests);
    const changes: readonly (readonly [from: string | RegExp, to: string, found: RegExp])[] = [
      ['"livenessProbe"', '"livenesProbe"', /livenesProbe/],
      ['"periodSeconds":2', '"periodSeconds":"2"', /'string' is not assignable to type 'number'/],
      ['"containers":', '"container":', /container/],
      [/"apiVersion":"[^"]*"/, '"apiVersion":"v2"', /"v2"/],
      ['"metadata":', '"meta":', /meta/],
    ];
    const variants = changes.map(([from, to]) => {
      const changed = text.replace(from, to);
      assert.notEqual(changed, text);
      return JSON.parse(changed) as readonly Manifest[];
    });
    const [none, ...found] = problemsOf([manifests, ...variants]);
    assert.equal(none, '');
    for (const [i, problems] of found.entries()) assert.match(problems, changes[i]![2]);
  });

  test(`${file}: one late answer takes no pod out, and a pod with much to do is not restarted`, async () => {
    const [manifest] = await readManifests(file);
    const { containers, terminationGracePeriodSeconds } = podOf(manifest!);
    const { args, readinessProbe, livenessProbe } = containers[0]!;
    // Kubernetes's own defaults are 1 s and 3.
    for (const { timeoutSeconds = 1, failureThreshold = 3 } of [readinessProbe!, livenessProbe!]) {
      assert.ok(timeoutSeconds >= 5 && failureThreshold >= 3);
    }
    const patience = ({ periodSeconds = 10, failureThreshold = 3 }: Probe) => periodSeconds * failureThreshold;
    assert.ok(patience(livenessProbe!) > 2 * patience(readinessProbe!), 'taken out long before it is restarted');
    const drain = Number(args![args!.indexOf('--drain') + 1]);
    assert.ok(terminationGracePeriodSeconds! > drain + 30);
  });
}
