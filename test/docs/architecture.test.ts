/** ARCHITECTURE.md is what the tree is: its rooms, who imports whom, and what must be trusted. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { importsOf, ROOMS, sourcesOf, TRUSTED, trustedSize } from '../../pipeline/imports.ts';

const text = readFileSync('ARCHITECTURE.md', 'utf8');

/** The part of the page under a heading, up to the next heading of the same level. */
function section(heading: string): string {
  const [, found] = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(text) ?? [];
  assert.ok(found !== undefined, `ARCHITECTURE.md has no section "${heading}"`);
  return found;
}

type Arrow = readonly [from: string, to: string];

/** The picture: `id["src/files"]` is a room, `id --> other & another` are its arrows. */
function readPicture(): { readonly rooms: string[]; readonly arrows: Arrow[] } {
  const [, picture] = /```mermaid\n([\s\S]*?)```/.exec(section('Rooms'))!;
  const rooms = new Map([...picture!.matchAll(/^\s*(\w+)\["([^"]+)"\]$/gm)].map(([, id, room]) => [id!, room!]));
  const roomOf = (id: string): string => {
    const room = rooms.get(id);
    assert.ok(room !== undefined, `the picture has an arrow at "${id}", which is no room of it`);
    return room;
  };
  const arrows = [...picture!.matchAll(/^\s*(\w+) --> (.+)$/gm)].flatMap(([, from, to]) =>
    to!.split('&').map((id): Arrow => [roomOf(from!), roomOf(id.trim())]),
  );
  return { rooms: [...rooms.values()], arrows };
}

/** The room of a file: the most particular one. */
function roomOf(file: string): string | undefined {
  return ROOMS.filter((room) => file.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
}

/** `A → B` for every room A with a file that imports one of another room B. */
function importedRooms(): Set<string> {
  const pairs = ['src', 'pipeline']
    .flatMap(sourcesOf)
    .flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))
    .map(({ from, to }) => [roomOf(from), roomOf(to)])
    .filter(([from, to]) => from !== undefined && to !== undefined && from !== to);
  return new Set(pairs.map(([from, to]) => `${from} → ${to}`));
}

/** Whether one follows the arrows from one room to another. */
function leads(arrows: readonly Arrow[], from: string, to: string): boolean {
  return arrows.some(([a, b]) => a === from && (b === to || leads(arrows, b, to)));
}

describe('ARCHITECTURE.md', () => {
  it('lists every room, from the bottom to the top, and no other', () => {
    const listed = [...section('Rooms').matchAll(/^\| `([^`]+)` \|/gm)].map(([, room]) => room);
    assert.deepEqual(listed, [...ROOMS]);
  });

  it('has a picture of all rooms, in which arrows are imports and lead wherever imports lead', () => {
    const { rooms, arrows } = readPicture();
    assert.deepEqual([...rooms].sort(), [...ROOMS].sort());
    const imported = importedRooms();
    for (const [from, to] of arrows)
      assert.ok(imported.has(`${from} → ${to}`), `drawn, but no import: ${from} → ${to}`);
    for (const pair of imported) {
      const [from, to] = pair.split(' → ') as [string, string];
      assert.ok(leads(arrows, from, to), `imported, but not in the picture: ${pair}`);
    }
  });

  it('lists what must be trusted, and says how much that is', () => {
    const trusted = section('What must I trust\\?');
    const listed = [...trusted.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!.replace(/\/$/, ''));
    assert.deepEqual(listed.sort(), readdirSync(TRUSTED).sort());
    const { files, lines } = trustedSize();
    const stated = `**${files} files, ${lines} lines**`;
    assert.ok(trusted.includes(stated), `paste this into ARCHITECTURE.md, "What must I trust?": ${stated}`);
  });
});
