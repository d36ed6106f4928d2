/** How `--explain` shows where a bound comes from: a table of the layers, and what may help those that cost most. */
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';
import type { ExplainedLayer, Explanation } from './explanation.ts';

/** Layers with smaller shares than this, and that do not change L, are left out. */
const NOTHING = 0.005;
const HINTS = 5;
const NAME = 30;

function digits(value: number): string {
  return String(Number(value.toPrecision(5)));
}

function percent(share: number): string {
  return Math.abs(share) < NOTHING ? '' : `${(100 * share).toFixed(0)} %`;
}

function shortened(name: string): string {
  return name.length <= NAME ? name : `…${name.slice(1 - NAME)}`;
}

function row(cells: readonly string[]): string {
  const [op, name, ...numbers] = cells;
  return `  ${op!.padEnd(20)} ${name!.padEnd(NAME + 2)}${numbers.map((cell) => cell.padStart(11)).join('')}`.trimEnd();
}

/** Whether a layer is not worth a line. */
export function isNothing({ own, loss, slack }: ExplainedLayer): boolean {
  return Math.abs(own - 1) < NOTHING && Math.abs(loss) < NOTHING && Math.abs(slack) < NOTHING;
}

/** The layers with a hint, those that cost most first, and no more than are of use. */
export function costliest({ lipschitz, layers }: Explanation): readonly ExplainedLayer[] {
  const cost = ({ own, loss }: ExplainedLayer) => Math.max(loss, Math.log(own) / Math.log(Math.max(lipschitz, 2)));
  const hinted = layers.filter(({ hint }) => hint !== null);
  return hinted.sort((a, b) => cost(b) - cost(a) || b.slack - a.slack).slice(0, HINTS);
}

/** The lines of the table and the hints. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const { lipschitz, measured, layers } = explanation;
  const shown = layers.filter((layer) => !isNothing(layer));
  const rows = shown.map(({ op, name, own, lipschitz, measured, loss, slack }) =>
    row([
      op,
      quote(shortened(name)),
      digits(own),
      digits(lipschitz),
      measured === null ? '' : digits(measured),
      percent(loss),
      percent(slack),
    ]),
  );
  const left = layers.length - shown.length;
  const costly = costliest(explanation);
  const tight = layers.every(({ loss }) => loss === 0) ? ', too little to divide' : '';
  return [
    row(['layer', '', 'L grows by', 'L ≤', 'measured ≥', 'of loss', 'of float32']),
    ...rows,
    ...(left === 0 ? [] : [`  and ${left} that cost nothing`]),
    measured === null
      ? `  loss: the shares of log L, since the network is too large to measure each layer${tight}`
      : `  loss: the shares of log(L / measured), ${digits(lipschitz)} over ${digits(measured)}${tight}`,
    ...(costly.length === 0 ? [] : ['  what costs most:']),
    ...costly.map(({ op, name, own, loss, slack, hint }) => {
      const growth = own > 1 + NOTHING ? `L × ${digits(own)}` : `${percent(slack)} of float32`;
      const share = loss >= NOTHING ? `${percent(loss)} of the loss` : growth;
      return `    ${op} ${quote(shortened(name))}, ${share}: ${hint}`;
    }),
  ];
}
