/** Why a file was refused: the reason and the remedy that the command gives, and every node that was looked at. */
import { html } from '../../view/dom.ts';
import type { Refused } from '../worker/protocol.ts';

function nodesTable({ nodes }: Refused): HTMLElement {
  return html(
    'details',
    {},
    html('summary', {}, `Layer by layer: ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} were looked at`),
    html(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Nodes that were looked at' },
      html(
        'table',
        { class: 'numbers' },
        html(
          'thead',
          {},
          html(
            'tr',
            {},
            ...['operator', 'node', 'what is known of it'].map((text) => html('th', { scope: 'col' }, text)),
          ),
        ),
        html(
          'tbody',
          {},
          ...nodes.map(({ op, name, says, refused }) =>
            html(
              'tr',
              {},
              html('td', {}, op),
              html('td', { class: 'name' }, name),
              html('td', refused ? { class: 'bad' } : {}, says),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param name the file's */
export function refusalView(name: string, refused: Refused): HTMLElement {
  const { reason, remedy, place, code, message, sealed } = refused;
  const command = sealed ? 'glean verify' : 'glean seal';
  return html(
    'div',
    { class: 'refusal', 'data-code': code },
    html('p', { class: 'badge refused' }, 'Refused'),
    html('h3', { class: 'file-name' }, name),
    html(
      'dl',
      { class: 'facts-list' },
      html('dt', {}, 'Where'),
      html('dd', { class: 'name' }, place),
      html('dt', {}, 'Why'),
      html('dd', { class: 'reason' }, reason),
      html('dt', {}, 'What to do'),
      html('dd', { class: 'remedy' }, remedy),
    ),
    ...(refused.nodes.length === 0 ? [] : [nodesTable(refused)]),
    html(
      'details',
      {},
      html('summary', {}, `As ${command} says it`),
      html('pre', { class: 'said', tabindex: 0 }, message),
    ),
  );
}
