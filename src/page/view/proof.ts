/** Shows what was proven about each model on this device as a table, with the layers' bounds below it. */

import type { AffineBound } from '../../certify-runtime/trusted/bounds/bound.ts';
import { certificateConstants } from '../../certify-runtime/trusted/file/claims.ts';
import { imageNorms } from '../../certify-runtime/trusted/margin.ts';
import type { ModelFacts, Started } from '../worker/protocol.ts';
import { formatBytes, html } from './dom.ts';

function evaluate({ constant, l2, l1 }: AffineBound, norms: { readonly l2: number; readonly l1: number }): number {
  return constant + l2 * norms.l2 + l1 * norms.l1;
}

const CODE = { class: 'hash' } as const;

function layers({ title, certificate }: ModelFacts): HTMLElement {
  return html(
    'details',
    {},
    html('summary', {}, `${title}: the bound of each layer`),
    html(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Layers of the ${title}` },
      html(
        'table',
        { class: 'numbers' },
        html(
          'thead',
          {},
          html('tr', {}, ...['operator', 'node', '‖·‖ at most'].map((text) => html('th', { scope: 'col' }, text))),
        ),
        html(
          'tbody',
          {},
          ...certificate.lipschitz.layers.map(({ op, name, upper }) =>
            html('tr', {}, html('td', {}, op), html('td', { class: 'name' }, name), html('td', {}, String(upper))),
          ),
        ),
      ),
    ),
  );
}

function threads({ threads: count, isolated }: Started): string {
  const host = isolated
    ? 'sends the COOP and COEP headers that more would need'
    : 'sends no COOP and COEP headers, so that more could not be had';
  return `${count}: for networks of this size the fastest. This host ${host}.`;
}

export class ProofView {
  readonly #models: readonly ModelFacts[];
  readonly #slack: readonly HTMLElement[];

  constructor(root: HTMLElement, started: Started, models: readonly ModelFacts[]) {
    this.#models = models;
    this.#slack = models.map(() => html('span', {}, '–'));
    const row = (name: string, cell: (facts: ModelFacts, i: number) => Node | string): HTMLElement =>
      html('tr', {}, html('th', { scope: 'row' }, name), ...models.map((facts, i) => html('td', {}, cell(facts, i))));
    root.replaceChildren(
      html(
        'table',
        { class: 'facts' },
        html(
          'thead',
          {},
          html('tr', {}, html('td', {}), ...models.map(({ title }) => html('th', { scope: 'col' }, title))),
        ),
        html(
          'tbody',
          {},
          row('Lipschitz bound L', ({ certificate }) => String(certificate.lipschitz.upper)),
          row('Proven from the bytes, loaded, tried: in', ({ proofTime }) => `${proofTime.toFixed(0)} ms`),
          row('Float32 slack for the picture above', (_, i) => this.#slack[i]!),
          row(
            'Known answers',
            ({ certificate }) => `${certificate.vectors.length} of ${certificate.vectors.length} reproduced`,
          ),
          row('Signature', ({ signature }) =>
            signature === 'checked' ? 'by the builder’s key, checked' : 'none: proven, but not vouched for',
          ),
          row('SHA-256 of the file', ({ sha256 }) => html('code', CODE, sha256)),
          row('Of the weights', ({ certificate }) => html('code', CODE, certificate.weightsSha256)),
          row(
            'File',
            ({ bytes, origin }) =>
              `${formatBytes(bytes)}, ${origin === 'cache' ? 'kept from an earlier visit, hash checked' : 'fetched now, hash checked'}`,
          ),
        ),
      ),
      html(
        'dl',
        { class: 'facts-list' },
        html('dt', {}, 'Runs on'),
        html(
          'dd',
          {},
          `ONNX Runtime Web ${started.runtimeVersion}, provider ${models
            .map(({ provider }) => provider)
            .filter((name, i, all) => all.indexOf(name) === i)
            .join(', ')}`,
        ),
        html('dt', {}, 'Threads'),
        html('dd', { id: 'threads' }, threads(started)),
        html('dt', {}, 'Cross-origin isolated'),
        html('dd', { id: 'isolated' }, started.isolated ? 'yes' : 'no'),
      ),
      ...models.map(layers),
    );
  }

  /** Shows δ(x) ≥ ‖ẑ − z‖ and ρ(x), what rounding may do to the latent and to a logit for this picture. */
  update(image: Uint8Array): void {
    const norms = imageNorms(Float32Array.from(image, (byte) => byte / 255));
    this.#models.forEach(({ certificate }, i) => {
      const { latentError, logitError } = certificateConstants(certificate);
      const latent = Math.min(...latentError.map((bound) => evaluate(bound, norms)));
      const logit = evaluate(logitError, norms);
      this.#slack[i]!.textContent = `${latent.toExponential(1)} in z, ${logit.toExponential(1)} in a logit`;
    });
  }
}
