/** What a PromQL expression asks for, by the grammar that Prometheus's own page uses. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Asked {
  /** Each selector: the metric, and the labels that it matches. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** The labels that it groups or matches results by. */
  readonly groupings: readonly string[];
}

/** @throws Error if the expression is not PromQL */
export function readQuery(expression: string): Asked {
  const selectors: { metric: string; labels: string[] }[] = [];
  const groupings: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, node, from, to }) => {
      const text = expression.slice(from, to);
      if (type.isError) throw new Error(`no PromQL at character ${from} of ${expression}`);
      if (type.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
      else if (type.name === 'Identifier') selectors.at(-1)!.metric = text;
      else if (type.name === 'LabelName') {
        (node.parent!.name === 'GroupingLabels' ? groupings : selectors.at(-1)!.labels).push(text);
      }
    },
  });
  return { selectors, groupings };
}
