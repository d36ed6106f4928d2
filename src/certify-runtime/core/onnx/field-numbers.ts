/**
 * The field numbers that fields.ts's callers need: a part of schema.ts, which a page that proves nothing does not load. A test
 * holds them equal.
 */

export const MODEL = { graph: 7, metadata_props: 14 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
export const GRAPH = { node: 1, initializer: 5, output: 12 } as const;
export const NODE = { input: 1, output: 2, name: 3, op_type: 4, attribute: 5 } as const;
export const ATTRIBUTE = { name: 1, f: 2, i: 3 } as const;
export const TENSOR = { dims: 1, data_type: 2, name: 8, raw_data: 9 } as const;
export const VALUE_INFO = { name: 1 } as const;
