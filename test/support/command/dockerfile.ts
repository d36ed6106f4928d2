/** Follows a Dockerfile without Docker: every stage is a folder, in which this machine's own programs take the steps. */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { runProgram } from './glean.ts';

interface Stage {
  /** Stands for `/`. */
  readonly root: string;
  /** As the Dockerfile says it: absolute. */
  directory: string;
}

export interface Image extends Stage {
  /** ENTRYPOINT and CMD, with paths of this machine. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Context {
  /** Where the stages go. */
  readonly folder: string;
  /** The files of this machine that a source of COPY stands for. */
  readonly files: (source: string) => Promise<readonly string[]>;
  /** For what RUN starts. */
  readonly env: NodeJS.ProcessEnv;
}

/** One for each line, with what follows a backslash joined to it. */
function instructions(text: string): [name: string, rest: string][] {
  const lines = text.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  return lines.split('\n').flatMap((line) => {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    assert.ok(line === '' || name !== undefined, `no instruction: ${line}`);
    return name === undefined ? [] : [[name, rest!]];
  });
}

/** Gives the last stage. What it does not know, it refuses. */
export async function followDockerfile(file: string, { folder, files, env }: Context): Promise<Image> {
  const stages = new Map<string, Stage>();
  const settings = { env: {} as Record<string, string>, ENTRYPOINT: [] as string[], CMD: [] as string[] };
  let stage: Stage | undefined;
  for (const [name, rest] of instructions(await readFile(file, 'utf8'))) {
    const inside = (path: string) => join(stage!.root, isAbsolute(path) ? path : join(stage!.directory, path));
    switch (name) {
      case 'FROM': {
        const [, , as] = /^(\S+)(?: AS (\S+))?$/.exec(rest)!;
        stage = { root: join(folder, as ?? 'image'), directory: '/' };
        await mkdir(stage.root);
        stages.set(as ?? 'image', stage);
        break;
      }
      case 'WORKDIR':
        stage!.directory = rest;
        await mkdir(inside(rest), { recursive: true });
        break;
      case 'COPY': {
        const [, from, source, target] = /^(?:--from=(\S+) )?(\S+) (\S+)$/.exec(rest)!;
        const sources = from === undefined ? await files(source!) : [join(stages.get(from)!.root, source!)];
        assert.ok(sources.length > 0, `nothing to copy: ${source}`);
        for (const path of sources) {
          const to = target!.endsWith('/') ? join(inside(target!), basename(path)) : inside(target!);
          await cp(path, to, { recursive: true, verbatimSymlinks: true });
        }
        break;
      }
      case 'RUN': {
        const { code, stdout, stderr } = await runProgram('/bin/sh', ['-ec', rest], inside('.'), env);
        assert.equal(code, 0, `${rest}\n${stderr}\n${stdout}`);
        break;
      }
      case 'ENV': {
        const [key, value] = rest.split('=');
        settings.env[key!] = value!;
        break;
      }
      case 'ENTRYPOINT':
      case 'CMD':
        settings[name] = JSON.parse(rest) as string[];
        break;
      case 'USER':
      case 'EXPOSE':
      case 'HEALTHCHECK':
        break;
      default:
        assert.fail(`${file}: no step ${name} is known`);
    }
  }
  const command = [...settings.ENTRYPOINT, ...settings.CMD].map((word) =>
    isAbsolute(word) ? join(stage!.root, word) : word,
  );
  return { ...stage!, command, env: settings.env };
}
