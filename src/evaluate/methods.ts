/** The names of the certificates, as `glean certify --method` takes them. */
export const METHODS = ['margin', 'smoothing', 'input-smoothing'] as const;
export type Method = (typeof METHODS)[number];
