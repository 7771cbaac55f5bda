import type { BytePath } from '../change.ts';
import { showAbsolutePath } from '../show-path.ts';

type Compare = (before: string, after: string, path: BytePath) => readonly string[];

/** Lines that only one side has, as often as it has them more often, with white space made single. */
function differingLines(before: string, after: string): { readonly gone: readonly string[]; readonly come: readonly string[] } {
  const old = linesOf(before);
  const now = linesOf(after);
  return { gone: without(old, now), come: without(now, old) };
}

/** A backslash at the end continues a line. */
function linesOf(text: string): readonly string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim());
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

/** `/etc/fstab: LINE` for each line with a meaning that is new, and `/etc/fstab: LINE (removed)`. */
export function compareLines(isComment: (line: string, isNewFile: boolean) => boolean): Compare {
  return (before, after, path) => {
    const { gone, come } = differingLines(before, after);
    const counts = (line: string) => line !== '' && !isComment(line, before === '');
    return [
      ...come.filter(counts).map((line) => `${showAbsolutePath(path)}: ${line}`),
      ...gone.filter(counts).map((line) => `${showAbsolutePath(path)}: ${line} (removed)`),
    ];
  };
}

export const plainLines = compareLines((line) => line.startsWith('#'));

/** `#1000 ALL=ALL` and `#include` are no comments. */
export const sudoersLines = compareLines((line) => /^#(?!\d|include)/.test(line));

export const kernelLines = compareLines((line) => /^[#;]/.test(line));

/** Keys of git-config(1) whose values are commands, or places of code or of more settings. */
const gitKeys = new Set(
  `fsmonitor hookspath sshcommand gitproxy askpass pager editor helper path program textconv cmd external driver clean smudge process command
  uploadpack receivepack vcs proxy alternaterefscommand update tool`.split(/\s+/),
);

/** Of git-config(1), what names a command, or code or settings elsewhere. A key may stand behind the name of its section. */
export const gitLines = compareLines((line) => {
  const [, key = '', value = ''] = /^([a-z0-9-]+) ?=? ?(.*)$/i.exec(line.replace(/^\[.*?\] ?(?=[a-z0-9-]+ ?=)/i, '')) ?? [];
  return !(gitKeys.has(key.toLowerCase()) || /^"?!/.test(value));
});

/** A variable in a new file is for the entries of that file; one in an old file is for entries that don't differ. */
export const cronLines = compareLines((line, isNewFile) => line.startsWith('#') || (isNewFile && /^[A-Za-z_][A-Za-z0-9_]* ?=/.test(line)));

/** The type and the comment of each new key, with the path; the key itself tells people nothing. */
export const keyLines: Compare = (before, after, path) =>
  differingLines(before, after)
    .come.filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, options = '', type = '', comment = ''] = /^(.*?)((?:ssh|ecdsa|sk)-[^ ]+) [^ ]+ ?(.*)$/.exec(line.slice(0, 4096)) ?? [];
      const said = [options.trim(), type, comment].filter((part) => part !== '').join(' ');
      return `${showAbsolutePath(path)}: ${said === '' ? line : said}`;
    });

/** Lines of dpkg's `statoverride`; of `diversions`, three lines that name a path, another one and a package. */
export const dpkgOverrides: Compare = (before, after, path) => {
  const rows = (text: string) => (path.endsWith('diversions') ? diversionRows(text) : text);
  return compareLines(() => false)(rows(before), rows(after), path);
};

function diversionRows(text: string): string {
  return text.replaceAll(/^(.*)\n(.*)\n(.*)$/gm, '$1 → $2 (by $3)');
}
