/** A stand-in for node:test: files that import it only register their tests, and a worker runs them one by one. */

type Body = (context: Context) => unknown;
type Hook = () => unknown;

/** One test, or a whole group with its hooks. */
interface Unit {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** A unit of a file, and what the file does once before its first test. */
export interface FileUnit extends Unit {
  readonly prepare: () => Promise<void>;
}

/** The part of node:test's context that the suite uses. */
interface Context {
  diagnostic(message: string): void;
  test(name: string, body: Body): Promise<void>;
}

const context: Context = {
  diagnostic: () => undefined,
  test: async (_name, body) => {
    await body(context);
  },
};

class Group {
  readonly units: Unit[] = [];
  readonly before: Hook[] = [];
  readonly after: Hook[] = [];

  /** Hooks run around whatever is asked for, each time anew. */
  async within(run: () => Promise<void>): Promise<void> {
    for (const hook of this.before) await hook();
    try {
      await run();
    } finally {
      for (const hook of this.after) await hook();
    }
  }

  async all(): Promise<void> {
    await this.within(async () => {
      for (const unit of this.units) await unit.run();
    });
  }
}

let current = new Group();

/**
 * The units of a file: `load` imports it, and nothing else may be loaded meanwhile. What the file does before its first test
 * is done once; what it does after its last one is left to the end of the process.
 */
export async function collect(load: () => Promise<unknown>): Promise<FileUnit[]> {
  const group = new Group();
  current = group;
  await load();
  let ready: Promise<void> | undefined;
  const hooks = async (): Promise<void> => {
    for (const hook of group.before) await hook();
  };
  const prepare = (): Promise<void> => {
    ready ??= hooks();
    return ready;
  };
  return group.units.map(({ name, run }) => ({
    name,
    prepare,
    run: async () => {
      await prepare();
      await run();
    },
  }));
}

/** Registers a test; the body is the last argument, options are not needed here. */
export function test(name: string, ...rest: readonly unknown[]): void {
  const body = rest.at(-1) as Body;
  current.units.push({
    name,
    run: async () => {
      await body(context);
    },
  });
}

export const it = test;

export function describe(name: string, ...rest: readonly unknown[]): void {
  const outer = current;
  const group = new Group();
  current = group;
  (rest.at(-1) as () => void)();
  current = outer;
  outer.units.push({ name, run: () => group.all() });
}

export function before(hook: Hook): void {
  current.before.push(hook);
}

export function after(hook: Hook): void {
  current.after.push(hook);
}
