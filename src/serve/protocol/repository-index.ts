/** The index of Triton's model repository extension: every model in the folder, whether served or refused. */
import type { Service } from '../worker/service.ts';
import { optionalFlag, readJson } from './fields.ts';

export interface IndexEntry {
  readonly name: string;
  /** Undefined if the version would be the digest of a file that was refused. */
  readonly version?: string;
  readonly state: 'READY' | 'UNAVAILABLE';
  readonly reason: string;
}

/**
 * @param body empty, or `{"ready": true}` to list only the models that answer
 * @throws HttpError 400 if the body is anything else
 */
export function repositoryIndex(
  body: Buffer,
  { models, refused, draining }: Pick<Service, 'models' | 'refused' | 'draining'>,
): readonly IndexEntry[] {
  const readyOnly =
    body.length > 0 && optionalFlag(readJson(body, body.length, 'a question for the index')['ready'], 'ready', false);
  const served = Array.from(models.all(), ({ id, version }): IndexEntry => {
    const name = { name: id, version };
    return draining ? { ...name, state: 'UNAVAILABLE', reason: 'stopping' } : { ...name, state: 'READY', reason: '' };
  });
  const others = refused.map(({ id, version }): IndexEntry => {
    const name = { name: id, ...(version === undefined ? {} : { version }) };
    return { ...name, state: 'UNAVAILABLE', reason: "refused; the service's log says why" };
  });
  return [...served, ...others].filter(({ state }) => !readyOnly || state === 'READY');
}
