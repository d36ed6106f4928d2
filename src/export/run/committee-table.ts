/** The part of a model card about the committee that inferred the environments. */
import { type CommitteeChecks, checkCommittee, DOUBT } from '../../train/checks.ts';

/** Markdown: how far the environments can be relied on, and a clear word if they cannot. */
export function committeeTable(checks: CommitteeChecks): string {
  const made = checkCommittee(checks);
  const rows = made.map(
    ({ what, found, expected, passed }) => `| ${what} | ${found} | ${expected} | ${passed ? 'yes' : '**no**'} |`,
  );
  const domains = Object.entries(checks.right).map(([name, share]) => `${(100 * share).toFixed(1)} % of ${name}`);
  return [
    `The committee answers the label of ${domains.join(', ')}. What could be checked of its answers without a test domain:`,
    '',
    '| check | found | expected | passed |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...(made.every(({ passed }) => passed) ? [] : ['', `**${DOUBT}.**`]),
  ].join('\n');
}
