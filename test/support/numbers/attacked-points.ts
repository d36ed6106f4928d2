/**
 * How many points inside a claimed radius each test file must have tried, at least. Test files run in processes of their
 * own: each asserts its share, and attack.test.ts that the shares add up to the 100 000 of the issue.
 */
export const LEAST_POINTS = {
  shippedModel: 20_000,
  largeBias: 35_000,
  randomNetworks: 40_000,
  summationOrders: 20_000,
} as const;
