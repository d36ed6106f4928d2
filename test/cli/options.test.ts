/** Every option of every command, as declared: one value of its kind, once, or an error that names it and nothing is run. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { COMMANDS } from '../../pipeline/glean.ts';
import { type Command, type Declaration, toCommand } from '../../src/cli/terminal/command.ts';
import type { Option } from '../../src/cli/terminal/options.ts';
import { run } from '../../src/cli/terminal/program.ts';
import { glean, SHIPPED_MODEL } from '../support/command/glean.ts';
import { smallConfig } from '../support/training/train-fixture.ts';

interface Outcome {
  readonly code: number;
  /** What the command would have worked with. */
  readonly given: Readonly<Record<string, unknown>> | undefined;
  readonly said: string;
}

/** Runs a command's line up to where its work would begin. */
async function parse(t: TestContext, declaration: Declaration, args: readonly string[]): Promise<Outcome> {
  let given: Outcome['given'];
  const command: Command = toCommand(declaration, async () => async (values) => {
    given = values;
  });
  const lines: string[] = [];
  const mocks = (['log', 'error'] as const).map((name) =>
    t.mock.method(console, name, (line: string) => lines.push(line)),
  );
  try {
    const code = await run({ name: 'glean', about: 'test', commands: [command] }, [declaration.name, ...args]);
    return { code, given, said: lines.join('\n') };
  } finally {
    for (const { mock } of mocks) mock.restore();
  }
}

const EXAMPLES = ['text', '1', '2048', '0.5', '1,2,3', 'margin', 'info', 'NHWC', 'wasm', 'float64', 'encoded'];

/** A value that the option takes, as typed. */
function example(option: Option<unknown>): string {
  const accepted = EXAMPLES.find((text) => {
    try {
      option.parse(text, '');
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(accepted, `no example for an option that expects ${option.expects}`);
  return accepted;
}

const hyphenated = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Everything that the command demands, except `without`. */
function least({ positionals, options }: Omit<Declaration, 'load'>, without?: string): string[] {
  const demanded = Object.entries(options).filter(([name, { required }]) => required && name !== without);
  return [
    ...Object.values(positionals).map(() => 'place'),
    ...demanded.flatMap(([name, option]) => [`--${hyphenated(name)}`, example(option)]),
  ];
}

/** As errors call it. */
const called = (name: string) => (name.length === 1 ? `-${name}` : `--${hyphenated(name)}`);

const refused = ({ code, given, said }: Outcome, expected: string | RegExp, line: readonly string[]) => {
  const what = `${line.join(' ')}: ${code}, ${said}`;
  assert.equal(given, undefined, `ran: ${what}`);
  assert.equal(code, 2, what);
  if (typeof expected === 'string') assert.ok(said.includes(expected), `${what}\nexpected: ${expected}`);
  else assert.match(said, expected, what);
};

const NOT_NUMBERS = [
  ...[
    'abc',
    'NaN',
    'Infinity',
    '-Infinity',
    '1e400',
    '0x10',
    '0b1',
    '0o7',
    '1_000',
    '1 000',
    '5px',
    '٣',
    ' ',
    '+',
    '.',
    'e5',
  ],
  ...['true', 'null', '1.2.3', '--1'],
];
const NOT_WHOLE = ['1.5', '1.0', '1.', '.5', '-1', '-0', '1e-1', '9007199254740993', '1e16', '+1'];

for (const { declaration } of COMMANDS) {
  const { name: commandName, options, positionals } = declaration;

  test(`glean ${commandName}: the help lists what is declared, and nothing else`, async (t) => {
    const { said } = await parse(t, declaration, ['--help']);
    const listed = [...said.matchAll(/^ +(?:-(\w) |--([\w-]+))/gm)].map(([, short, long]) => short ?? long);
    assert.deepEqual(listed.sort(), [...Object.keys(options).map(hyphenated), 'help', 'version'].sort());
    for (const [name, { describe }] of Object.entries({ ...options, ...positionals })) assert.ok(describe, name);
  });

  test(`glean ${commandName}: every option once, with a value of its kind`, async (t) => {
    const holds = async (line: readonly string[], expected: string | RegExp) =>
      refused(await parse(t, declaration, line), expected, line);

    for (const [name, option] of Object.entries(options)) {
      const { kind, expects } = option;
      const flag = `--${hyphenated(name)}`;
      const base = least(declaration, name);
      await holds([...least(declaration), `--no-${hyphenated(name)}`], 'Unknown argument');
      await holds([...base, `${flag}.part`, '1'], /Unknown argument|Missing required/);
      if (kind === 'flag') {
        await holds([...base, flag, flag], `${flag} was given 2 times, expected once`);
        for (const value of ['', 'true', 'false', 'yes', '0']) {
          await holds([...base, `${flag}=${value}`], `Argument unexpected for: ${hyphenated(name)}`);
        }
        assert.equal((await parse(t, declaration, [...base, flag])).given?.[name], true);
        continue;
      }
      const value = example(option);
      const parsed = option.parse(value, '');
      const other =
        option.implies === undefined ? [] : [`--${hyphenated(option.implies)}`, example(options[option.implies]!)];
      const once = await parse(t, declaration, [...base, ...other, flag, value]);
      assert.deepEqual(once.given?.[name], kind === 'list' ? [parsed] : parsed, `${flag} ${value}: ${once.said}`);
      await holds([...base, ...other, flag], `Not enough arguments following: ${hyphenated(name)}`);
      const nothing = `${called(name)}: found '', expected ${expects}`;
      await holds([...base, ...other, flag, ''], nothing);
      // Of a list that nothing comes after, yargs says it first.
      await holds([...base, ...other, `${flag}=`], kind === 'list' ? 'Not enough arguments following' : nothing);
      const pairs = [
        [flag, value, flag, value],
        [`${flag}=${value}`, flag, value],
        ...(name === hyphenated(name) ? [] : [[`--${name}`, value, flag, value]]),
        ...(name.length > 1 ? [] : [[`-${name}`, value, `-${name}${value}`]]),
      ];
      for (const pair of pairs) {
        const line = [...base, ...other, ...pair];
        if (kind === 'one') await holds(line, `${called(name)} was given 2 times (${value}, ${value}), expected once`);
        else assert.deepEqual((await parse(t, declaration, line)).given?.[name], [parsed, parsed]);
      }
      if (!expects.includes('number')) continue;
      await holds([...base, `${flag}=0x10`], `${called(name)}: found '0x10', expected ${expects}`);
      for (const text of [...NOT_NUMBERS, ...(expects.includes('whole') ? NOT_WHOLE : [])]) {
        const message = `${called(name)}: found '${text}', expected ${expects}`;
        assert.throws(() => option.parse(text, called(name)), { name: 'InputError', message });
      }
    }
  });

  test(`glean ${commandName}: arguments by their place, as they are typed`, async (t) => {
    const names = Object.keys(positionals);
    const base = least(declaration);
    const odd = ['007', '1e3', '0x10', 'true', '1.50'];
    for (const [i, name] of names.entries()) {
      const isList = positionals[name]!.kind === 'list';
      for (const text of odd) {
        const { given, said } = await parse(t, declaration, base.with(i, text));
        assert.deepEqual(given?.[name], isList ? [text] : text, said);
      }
      await refusedLine(base.with(i, ''), `<${name}>: found '', expected`);
      for (const as of [[`--${name}`, 'other'], [`--${name}=other`]]) {
        await refusedLine([...base, ...as], `<${name}>: found ${as[0]}, expected it by its place`);
        await refusedLine([...base.slice(names.length), ...as], `<${name}>: found ${as[0]}`);
      }
    }
    if (!names.some((name) => positionals[name]!.kind === 'list'))
      await refusedLine([...base, 'more'], 'Unknown argument: more');

    async function refusedLine(line: readonly string[], expected: string): Promise<void> {
      refused(await parse(t, declaration, line), expected, line);
    }
  });
}

test('what is beyond a range: refused with the range', async (t) => {
  for (const [line, expected] of [
    ['certify M --data D --limit 0', "--limit: found '0', expected a whole number from 1 to 9007199254740991"],
    ['certify M --data D --sigma 0', "--sigma: found '0', expected a number above 0"],
    ['certify M --data D --sigma=-1', "--sigma: found '-1', expected a number above 0"],
    ['certify M --data D --alpha 1', "--alpha: found '1', expected a number from 1e-300 below 1"],
    ['certify M --data D --alpha 0', '--alpha'],
    ['certify M --data D --alpha 1e-301', '--alpha'],
    ['certify M --data D -n 0', '-n'],
    ['certify M --data D -n 10000001', "-n: found '10000001', expected a whole number from 1 to 10000000"],
    ['certify M --data D --n0 0', '--n0'],
    ['certify M --data D --seed -1', "--seed: found '-1', expected a whole number from 0 to"],
    ['certify M --data D --seed 9007199254740992', '--seed'],
    ['certify M --data D --method best', "--method: found 'best', expected margin, smoothing or input-smoothing"],
    ['train C --seed 134217728', "--seed: found '134217728', expected a whole number from 0 to 134217727"],
    ['attack M --data D --steps 0', '--steps'],
    ['attack M --data D --restarts 0', '--restarts'],
    ['paper --seeds 0', '--seeds'],
    ['paper --jobs 0', '--jobs'],
    ['bench --section overhead speed', "--section: found 'speed', expected overhead, head, convolution, wasm"],
    ['seal M --out O --scale 0', '--scale'],
    [
      'seal M --out O --shape 28,28',
      "--shape: found '28,28', expected 3 whole numbers from 1 with commas between them",
    ],
    ['seal M --out O --shape 28,28,0', '--shape'],
    ['seal M --out O --mean 0.5,', '--mean'],
    ['seal M --out O --std 0x1', '--std'],
    ['serve --port 65536', "--port: found '65536', expected a whole number from 0 to 65535"],
    ['serve --workers 0', '--workers'],
    ['serve --poll 0.04', "--poll: found '0.04', expected a number from 0.05"],
    // Of a longer time, Node's timers make one millisecond.
    ['serve --grace 2147484', "--grace: found '2147484', expected a number from 0 to 2147483"],
    ['serve --max-body 1023', '--max-body'],
  ] as const) {
    const [name, ...args] = line.split(' ');
    const { declaration } = COMMANDS.find((command) => command.declaration.name === name)!;
    refused(await parse(t, declaration, args), expected, [line]);
  }
});

test('the largest seed of glean train is the largest of a configuration', () => {
  assert.equal(smallConfig({ seed: 134_217_727 }).seed, 134_217_727);
  assert.throws(() => smallConfig({ seed: 134_217_728 }), /seed/);
});

test('numbers, lists and quotes arrive as they were meant', async (t) => {
  for (const [line, name, expected] of [
    [['certify', 'M', '--data', 'D', '-n', '1e5'], 'n', 100_000],
    [['certify', 'M', '--data', 'D', '-n7'], 'n', 7],
    [['certify', 'M', '--data', 'D', '--seed', '9007199254740991'], 'seed', Number.MAX_SAFE_INTEGER],
    [['certify', 'M', '--data', 'D', '--sigma=.25'], 'sigma', 0.25],
    [['certify', 'M', '--data', 'D', '--split', 'a', 'b', '--split', 'c'], 'split', ['a', 'b', 'c']],
    [['certify', 'M', '--data', 'D'], 'split', undefined],
    [['certify', 'M', '--data', 'D'], 'limit', undefined],
    [['certify', 'M', '--data', 'D'], 'alpha', 0.001],
    [['certify', 'M', '--data', 'D'], 'json', false],
    [['seal', 'M', '--out', 'O', '--classes="a","b"'], 'classes', '"a","b"'],
    [['seal', 'M', '--out', '007'], 'out', '007'],
    [['seal', 'M', '--out', 'O', '--mean', '-0.5,1e-2'], 'mean', [-0.5, 0.01]],
    [['seal', 'M', '--out', 'O', '--shape', '28, 28, 1'], 'shape', [28, 28, 1]],
    [['serve', '--grace', '0.5'], 'grace', 0.5],
  ] as const) {
    const [command, ...args] = line;
    const { declaration } = COMMANDS.find(({ declaration }) => declaration.name === command)!;
    const { given, said } = await parse(t, declaration, args);
    assert.ok(given, said);
    assert.deepEqual(given[name], expected, line.join(' '));
  }
});

test('as a user meets it', async () => {
  for (const [args, expected] of [
    [
      ['certify', SHIPPED_MODEL, '--data', 'cmnist', '--limit', '20', '--limit', '1'],
      /--limit was given 2 times \(20, 1\)/,
    ],
    [['keygen', '--out=', '--json'], /--out: found ''/],
    [['certify', SHIPPED_MODEL, '--data', 'cmnist:seed=1,seed=2'], /found 'seed' twice, expected once/],
  ] as const) {
    const { code, stdout, stderr } = await glean(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.equal(stdout, '');
  }
});
