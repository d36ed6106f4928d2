/**
 * The models folder: what it holds, and which of it is approved.
 *
 * DIR/<id>/model.onnx is model <id>, and its version is the first digits of its SHA-256. DIR/<id>/<number>/model.onnx
 * is the layout of Triton and KServe, and the highest number that verifies is served. The folder is checked repeatedly.
 * A file that has changed is verified in a separate process and replaces its predecessor only if it passes. A refused
 * file is not tried again until it changes, so a half-written file is refused at first and tried again once it is
 * complete.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeys, type PrivateKey, readPrivateKey, sign } from '../../certify-runtime/signature/signing.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { ApprovedModel, RefusedModel } from '../messages.ts';
import type { Logger } from '../observe/log.ts';
import { verifyApart } from './verify.ts';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const FILE = 'model.onnx';
const VERSION_DIGITS = 12;
/**
 * The number of consecutive looks at which a model must be missing. Replacing a model with rm and cp must not count as
 * removing it.
 */
const MISSING_LOOKS = 3;

export type Change =
  | { readonly type: 'model'; readonly model: ApprovedModel }
  | { readonly type: 'unload'; readonly id: string };

interface Candidate {
  readonly path: string;
  /** The folder's number; undefined if the version is the digest. */
  readonly version: string | undefined;
  /** A text that changes whenever the file or its signature does. */
  readonly stamp: string;
}

interface Entry {
  approved: ApprovedModel | undefined;
  from: Candidate | undefined;
  missing: number;
  /** The refused files by path, with their stamp at that time and the reason. */
  readonly refused: Map<
    string,
    { readonly stamp: string; readonly version: string | undefined; readonly reason: string }
  >;
}

export class Repository {
  readonly #folder: string;
  readonly #publicKey: string | undefined;
  readonly #logger: Logger;
  readonly #stopping: AbortSignal;
  readonly #entries = new Map<string, Entry>();
  #signer: { readonly key: PrivateKey; readonly publicPem: string } | undefined;

  /** @param stopping ends a look, even while it verifies a model */
  constructor(folder: string, publicKey: string | undefined, logger: Logger, stopping: AbortSignal) {
    this.#folder = folder;
    this.#publicKey = publicKey;
    this.#logger = logger;
    this.#stopping = stopping;
  }

  approved(): readonly ApprovedModel[] {
    return [...this.#entries.values()].flatMap(({ approved }) => approved ?? []);
  }

  /** The refused files with their models' ids and the reasons. */
  refused(): readonly (RefusedModel & { readonly reason: string })[] {
    return [...this.#entries].flatMap(([id, { refused }]) =>
      Array.from(refused.values(), ({ version, reason }) => ({ id, version, reason })),
    );
  }

  /**
   * Looks at the folder and reports each change as soon as it is known.
   *
   * @throws InputError if the folder cannot be read
   */
  async look(tell: (change: Change) => void): Promise<void> {
    const ids = new Set(await this.#ids());
    for (const id of ids) {
      if (!this.#entries.has(id))
        this.#entries.set(id, { approved: undefined, from: undefined, missing: 0, refused: new Map() });
    }
    for (const [id, entry] of this.#entries) {
      if (this.#stopping.aborted) return;
      const candidates = ids.has(id) ? await this.#candidates(id) : [];
      const change = candidates.length === 0 ? this.#miss(id, entry) : await this.#choose(id, entry, candidates);
      if (change !== undefined) tell(change);
    }
  }

  async #ids(): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.#folder);
      return entries.filter((name) => ID.test(name)).sort();
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new InputError(
        `${this.#folder}: cannot be read (${code}); expected a folder of models`,
        { code },
        { cause },
      );
    }
  }

  /** The files that could be served for a model, the preferred one first. */
  async #candidates(id: string): Promise<readonly Candidate[]> {
    const folder = join(this.#folder, id);
    const names: readonly string[] = await readdir(folder).catch(() => []);
    const numbers = names.filter((name) => /^[1-9]\d{0,8}$/.test(name)).sort((a, b) => Number(b) - Number(a));
    const numbered = await Promise.all(numbers.map((number) => this.#candidate(join(folder, number, FILE), number)));
    const found = numbered.filter((candidate) => candidate !== undefined);
    if (found.length > 0) return found;
    const plain = names.includes(FILE) ? await this.#candidate(join(folder, FILE), undefined) : undefined;
    return plain === undefined ? [] : [plain];
  }

  async #candidate(path: string, version: string | undefined): Promise<Candidate | undefined> {
    const file = await stamp(path);
    if (file === undefined) return undefined;
    const signature = this.#publicKey === undefined ? '' : await stamp(`${path}.sig`);
    return { path, version, stamp: `${file} ${signature}` };
  }

  #miss(id: string, entry: Entry): Change | undefined {
    entry.refused.clear();
    if (++entry.missing < MISSING_LOOKS) return undefined;
    this.#entries.delete(id);
    return entry.approved === undefined ? undefined : { type: 'unload', id };
  }

  /** Chooses the first candidate that is already served or verifies. */
  async #choose(id: string, entry: Entry, candidates: readonly Candidate[]): Promise<Change | undefined> {
    entry.missing = 0;
    for (const path of entry.refused.keys()) {
      if (!candidates.some((candidate) => candidate.path === path)) entry.refused.delete(path);
    }
    for (const candidate of candidates) {
      if (candidate.path === entry.from?.path && candidate.stamp === entry.from.stamp) return undefined;
      if (entry.refused.get(candidate.path)?.stamp === candidate.stamp) {
        if (candidate.path === entry.from?.path) return undefined;
        continue;
      }
      const model = await this.#try(id, entry, candidate);
      if (model === 'undecided') return undefined;
      if ('reason' in model) {
        const { path, stamp, version } = candidate;
        entry.refused.set(path, { stamp, version, reason: model.reason });
        // The model that came from this path stays in service, so that no older version replaces it.
        if (candidate.path === entry.from?.path) return undefined;
        continue;
      }
      entry.refused.delete(candidate.path);
      entry.from = candidate;
      if (entry.approved?.sha256 === model.sha256 && entry.approved.version === model.version) return undefined;
      entry.approved = model;
      return { type: 'model', model };
    }
    return undefined;
  }

  /** Verifies a candidate; returns 'undecided' if the file changes meanwhile or the service stops. */
  async #try(
    id: string,
    entry: Entry,
    candidate: Candidate,
  ): Promise<ApprovedModel | { readonly reason: string } | 'undecided'> {
    const { path, version } = candidate;
    let bytes: Uint8Array;
    let signature: string | undefined;
    try {
      bytes = await readFile(path, { signal: this.#stopping });
      signature =
        this.#publicKey === undefined ? undefined : await readFile(`${path}.sig`, 'utf8').catch(() => undefined);
    } catch {
      return 'undecided';
    }
    if ((await this.#candidate(path, version))?.stamp !== candidate.stamp) return 'undecided';
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const name = { id, version: version ?? sha256.slice(0, VERSION_DIGITS), sha256 };
    const known = entry.approved;
    if (known?.sha256 === sha256 && this.#publicKey === undefined) return { ...known, ...name };
    const verdict = await verifyApart({ bytes, publicKey: this.#publicKey, signature }, this.#stopping);
    if (verdict === undefined) return 'undecided';
    if (!verdict.verified) {
      this.#logger.error(
        { model: id, version: name.version, sha256, why: verdict.reason, stays: known?.version },
        'model refused',
      );
      return verdict;
    }
    return { ...name, bytes, ...(await this.#vouch(bytes)) };
  }

  /** Signs the bytes with our own key, so that the workers recognize proven bytes. */
  async #vouch(bytes: Uint8Array): Promise<{ readonly signature: string; readonly publicKey: string }> {
    if (this.#signer === undefined) {
      const { privatePem, publicPem } = await generateKeys();
      this.#signer = { key: await readPrivateKey(privatePem), publicPem };
    }
    return { signature: await sign(bytes, this.#signer.key), publicKey: this.#signer.publicPem };
  }
}

/**
 * A text that changes whenever the file does, even if another file of the same size replaces it within a millisecond.
 */
async function stamp(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return undefined;
  }
}
