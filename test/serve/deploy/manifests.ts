/** Reads the manifests of deploy/. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

export async function readManifests(file: string): Promise<readonly Manifest[]> {
  return parseAllDocuments(await readFile(`deploy/${file}`, 'utf8')).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Manifest;
  });
}
