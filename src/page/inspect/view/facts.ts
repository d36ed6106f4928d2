/** What is known of a model that was proven here: certificate, signature, where it comes from. */
import { formatBytes, html } from '../../view/dom.ts';
import type { Opened } from '../worker/protocol.ts';
import { boundText } from './numbers.ts';

const CODE = { class: 'hash' } as const;
/** More classes than this are only counted. */
const CLASSES = 12;

function classesOf({ certificate: { classes } }: Opened): string {
  const named = classes.slice(0, CLASSES).join(', ');
  return classes.length > CLASSES ? `${classes.length}: ${named}, …` : named;
}

function facts(entries: readonly (readonly [string, Node | string])[]): HTMLElement {
  return html(
    'dl',
    { class: 'facts-list' },
    ...entries.flatMap(([name, value]) => [html('dt', {}, name), html('dd', {}, value)]),
  );
}

/** A value of the training record, as text; objects inside it as JSON. */
function recordText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
}

function training({ certificate }: Opened): HTMLElement {
  const entries = Object.entries(certificate.training);
  return html(
    'details',
    { class: 'training' },
    html('summary', {}, 'Where it comes from, as the file says'),
    html('p', { class: 'small muted' }, 'Nobody can prove this from the file; whoever signs it vouches for it.'),
    entries.length === 0
      ? html('p', { class: 'small' }, 'The file says nothing.')
      : facts(entries.map(([name, value]) => [name, html('span', { class: 'record' }, recordText(value))])),
  );
}

/** What was changed on the way to a sealed file. */
function sealing({ sealed }: Opened): readonly (readonly [string, string])[] {
  if (sealed === null) return [];
  const changed = sealed.notes.map((note) => `${note}.`).join(' ');
  return [
    ['Sealed here', `its answers are within ${sealed.deviation.toExponential(1)} of the original’s. ${changed}`.trim()],
  ];
}

/** @param signature the place where it says who signed */
export function factsView(opened: Opened, signature: HTMLElement): HTMLElement {
  const { certificate, slack, lipschitz, bytes, sha256, time, firstAnswer, opinionLine: opinion } = opened;
  const { precision = 'float32', input, vectors, prover = 1, format } = certificate;
  return html(
    'div',
    { class: 'facts-of' },
    html(
      'p',
      { class: 'badge proven' },
      opened.sealed === null ? 'Proven on this device' : 'Sealed and proven on this device',
    ),
    html('h3', { class: 'file-name' }, opened.name),
    facts([
      ['Lipschitz bound', html('strong', { class: 'bound' }, `L ≤ ${boundText(lipschitz)}`)],
      ['Takes', `${input.shape.join(' × ')} pixels on [0, 1], computes in ${precision}`],
      ['Classes', classesOf(opened)],
      [
        'Rounding',
        slack === null
          ? 'no known picture has a certified radius'
          : `takes ${boundText(slack)} of a radius, at a typical known picture`,
      ],
      ...sealing(opened),
      ['Known answers', `${vectors.length} of ${vectors.length} reproduced`],
      ['Second opinion', opinion],
      ['Signature', signature],
      ['SHA-256', html('code', CODE, sha256)],
      ['File', `${formatBytes(bytes)}, format ${format}, prover ${prover}`],
      [
        'Proven',
        `in ${(time / 1000).toFixed(time < 10_000 ? 2 : 0)} s, on ONNX Runtime Web ${opened.runtimeVersion}, provider ${opened.provider}`,
      ],
      ['First answer', `after a further ${firstAnswer.toFixed(1)} ms`],
    ]),
    training(opened),
  );
}
