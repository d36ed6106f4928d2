/** What can be told of a committee's answers without a test domain, and whether it is enough to rely on them. */

export interface CommitteeChecks {
  /**
   * Share of the images to which the last two sittings, whose members share no weights, give the same answer; undefined
   * if there was one sitting only.
   */
  readonly agreement: number | undefined;
  /** Share of each given domain's images whose label the committee answers. */
  readonly right: Readonly<Record<string, number>>;
  /**
   * Share of each given domain's images whose cue agrees with the label, if whoever made the data set knows it. It is
   * compared with `right` and enters nothing else.
   */
  readonly cue: Readonly<Record<string, number>> | undefined;
}

/** One check, in words for people. */
export interface Check {
  readonly what: string;
  readonly found: string;
  readonly expected: string;
  readonly passed: boolean;
}

/** Below this agreement the answers are those of chance as much as of a cue. */
const ENOUGH_AGREEMENT = 0.97;

/** Of the difference that the cue itself makes between domains, answers that follow the cue show at least this part. */
const ENOUGH_DIFFERENCE = 0.85;
/** Domains in which the cue agrees with the label equally often, give or take this, tell nothing. */
const LEAST_DIFFERENCE = 0.02;

/** What to do if a check fails. */
export const DOUBT =
  'The cue could not be told from the labels: use given domains ("environments": { "kind": "given" })';

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const points = (share: number) => `${(100 * share).toFixed(1)} points`;

function agreementCheck({ agreement }: CommitteeChecks): Check {
  return {
    what: 'images to which two sittings of the committee give the same answer',
    found: agreement === undefined ? 'one sitting only, nothing to compare' : percent(agreement),
    expected: `at least ${percent(ENOUGH_AGREEMENT)}`,
    passed: agreement !== undefined && agreement >= ENOUGH_AGREEMENT,
  };
}

/** Between the two domains in which the cue agrees with the label most and least often. */
function differenceCheck({ right, cue }: CommitteeChecks): Check | undefined {
  const domains = Object.entries(cue ?? {}).sort(([, a], [, b]) => a - b);
  const [low, high] = [domains[0], domains.at(-1)];
  if (low === undefined || high === undefined || high[1] - low[1] < LEAST_DIFFERENCE) return undefined;
  const expected = ENOUGH_DIFFERENCE * (high[1] - low[1]);
  const found = right[high[0]]! - right[low[0]]!;
  return {
    what: `labels it answers in ${high[0]} more than in ${low[0]}`,
    found: points(found),
    expected: `at least ${points(expected)} (the cue differs by ${points(high[1] - low[1])})`,
    passed: found >= expected,
  };
}

/** The checks that can be made. */
export function checkCommittee(checks: CommitteeChecks): readonly Check[] {
  const difference = differenceCheck(checks);
  return [agreementCheck(checks), ...(difference === undefined ? [] : [difference])];
}

/** A line for each check and for what else is known; the last one is there if a check failed, and says what to do. */
export function inWords(checks: CommitteeChecks): readonly string[] {
  const made = checkCommittee(checks);
  const domains = Object.entries(checks.right).map(([name, share]) => `${percent(share)} of ${name}`);
  return [
    `labels the committee answers: ${domains.join(', ')}`,
    ...made.map(
      ({ what, found, expected, passed }) => `${what}: ${found}, ${expected}: ${passed ? 'passed' : 'FAILED'}`,
    ),
    ...(made.every(({ passed }) => passed) ? [] : [DOUBT]),
  ];
}
