/** The certificates by the names that `glean certify --method` takes. */
export const METHODS = ['margin', 'smoothing', 'input-smoothing'] as const;
export type Method = (typeof METHODS)[number];
