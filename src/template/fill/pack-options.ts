/** The words with which tar(1) packs a tree as a template takes it over: everything but what is in /dev and on other file systems. */
export function packOptions(path: string): readonly [string, ...string[]] {
  return [
    'tar',
    '--create',
    '--file=-',
    '--format=posix',
    `--directory=${path}`,
    '--one-file-system',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
    '--quoting-style=escape',
    '--anchored',
    '--exclude=./dev/*',
  ];
}
