import { linkItem, modesItem } from './items.ts';
import { isAlternative } from './links.ts';
import { isReplacedCode } from './states.ts';
import type { Rule } from './rule.ts';

const homes = '{root,home/*,home/*/*}';
const programs = `{usr,usr/local}/{bin,sbin,games}/*`;
const libraries = '{usr,usr/local}/{lib,lib32,lib64,libx32}/**';

/** What no other rule explains. */
export const fileRules: readonly Rule[] = [
  {
    id: 'file-deleted',
    category: 'files',
    risk: 'medium',
    what: ['file deleted', 'files deleted'],
    why: 'The file was in the template, and no package that changed had it.',
    general: true,
    match: { by: 'path', directories: true, paths: ['**'], when: 'gone' },
  },
  {
    id: 'permissions-changed',
    category: 'rights',
    risk: 'low',
    what: ['file with other permissions or attributes', 'files with other permissions or attributes'],
    why: 'The content is the same, and who may use the file or how is different.',
    general: true,
    inFull: true,
    match: {
      by: 'path',
      directories: true,
      paths: ['**'],
      fits: ({ kinds }) => kinds.every((kind) => kind === 'mode' || kind === 'attributes'),
      item: modesItem,
    },
  },
  {
    id: 'alternative',
    category: 'files',
    risk: 'low',
    what: ['alternative', 'alternatives'],
    why: 'The link decides which of several programs runs under a name.',
    general: true,
    match: { by: 'path', paths: ['etc/alternatives/*', programs], fits: isAlternative },
  },
  {
    id: 'program-replaced',
    category: 'files',
    risk: 'medium',
    what: ['program or library replaced', 'programs and libraries replaced'],
    why: 'The file was there before and does something else now, and no package that changed has it.',
    general: true,
    match: {
      by: 'path',
      paths: [programs, libraries, '{usr,usr/local}/{libexec,share}/**'],
      fits: isReplacedCode,
    },
  },
  {
    id: 'npm-program',
    category: 'files',
    risk: 'low',
    what: ['program of an npm package', 'programs of npm packages'],
    why: 'The program runs when somebody types its name; the link leads into the package that has it.',
    general: true,
    named: true,
    match: { by: 'path', paths: [programs], fits: ({ after }) => /(?:^|\/)node_modules\//.test(after?.target ?? ''), item: linkItem },
  },
  {
    id: 'program-added',
    category: 'files',
    risk: 'medium',
    what: ['program without a package', 'programs without a package'],
    why: 'The program runs when somebody types its name, and no package manager knows it.',
    general: true,
    named: true,
    match: {
      by: 'path',
      paths: [
        programs,
        `${homes}/{bin,.local/bin,.cargo/bin,go/bin,.bun/bin,.deno/bin}/*`,
        'opt/{bin,*/bin}/*',
        'usr/lib/cgi-bin/**',
        'snap/bin/*',
      ],
    },
  },
  {
    id: 'library-added',
    category: 'files',
    risk: 'low',
    what: ['library without a package', 'libraries without a package'],
    why: 'Programs load the library, and no package manager knows it.',
    general: true,
    match: { by: 'path', paths: [`${libraries}/*.so`, `${libraries}/*.so.*`] },
  },
  {
    id: 'language-module',
    category: 'files',
    risk: 'low',
    what: ['file of modules of a language', 'files of modules of languages'],
    why: 'Programs in these languages run the file, and no package that was installed brought it.',
    general: true,
    match: {
      by: 'path',
      paths: ['**/{site-packages,dist-packages,node_modules,gems}/**', 'usr/{lib,local/lib}/{python*,ruby,perl5,node_modules}/**'],
    },
  },
  {
    id: 'etc-changed',
    category: 'settings',
    risk: 'low',
    what: ['file of /etc changed', 'files of /etc changed'],
    why: 'The file is a setting of a program, and no other rule knows it.',
    general: true,
    match: { by: 'path', paths: ['etc/**'] },
  },
  {
    id: 'home-file',
    category: 'homes',
    risk: 'low',
    what: ['other file in a home', 'other files in homes'],
    why: 'The file belongs to a user.',
    general: true,
    match: { by: 'path', paths: ['{root,home}/**'] },
  },
  {
    id: 'var-file',
    category: 'files',
    risk: 'low',
    what: ['file below /var or /srv', 'files below /var and /srv'],
    why: 'The file is data of a service.',
    general: true,
    match: { by: 'path', paths: ['{var,srv}/**'] },
  },
  {
    id: 'other-file',
    category: 'files',
    risk: 'low',
    what: ['other file', 'other files'],
    why: 'No other rule knows the file.',
    general: true,
    match: { by: 'path', directories: true, paths: ['**'] },
  },
];
