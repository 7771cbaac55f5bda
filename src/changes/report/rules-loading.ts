import { plainLines } from './compare-lines.ts';
import type { Rule } from './rule.ts';

const library = 'usr/{lib,lib32,lib64,libx32}';
const homes = '{root,home/*,home/*/*}';

/** What is loaded into programs, and what shells read. */
export const loadingRules: readonly Rule[] = [
  {
    id: 'loader-preload',
    category: 'loading',
    risk: 'high',
    what: ['library loaded into every program', 'libraries loaded into every program'],
    why: 'The code of the library runs in every program, also in those of root.',
    inFull: true,
    match: { by: 'text', paths: ['etc/ld.so.preload', 'etc/ld-musl-*.path'], compare: plainLines },
  },
  {
    id: 'loader-path',
    category: 'loading',
    risk: 'high',
    what: ['directory where libraries are searched', 'directories where libraries are searched'],
    why: 'A library there can take the place of one of the system in every program.',
    match: { by: 'text', paths: ['etc/{ld.so.conf,ld.so.conf.d/*}'], compare: plainLines },
  },
  {
    id: 'c-library',
    category: 'loading',
    risk: 'high',
    what: ['file of the loader or the C library', 'files of the loader and the C library'],
    why: 'The C library and its loader are part of every program.',
    match: {
      by: 'path',
      paths: [
        `${library}/{ld-*.so*,libc.so*,libc-*.so,libc.musl-*,libpthread.so*,libdl.so*}`,
        `${library}/*/{ld-*.so*,libc.so*,libc-*.so,libpthread.so*,libdl.so*}`,
      ],
    },
  },
  {
    id: 'python-startup',
    category: 'loading',
    risk: 'medium',
    what: ['file that every Python program runs', 'files that every Python program runs'],
    why: 'Python runs the file when it starts, also for root.',
    match: {
      by: 'path',
      paths: ['**/{site-packages,dist-packages}/*.pth', '**/{sitecustomize,usercustomize}.py', 'etc/python*/sitecustomize.py'],
    },
  },
  {
    id: 'environment',
    category: 'shells',
    risk: 'high',
    what: ['file with variables for all users', 'files with variables for all users'],
    why: 'Variables such as PATH and LD_PRELOAD decide what runs under a name.',
    match: { by: 'path', paths: ['etc/environment', '{etc,usr/lib}/environment.d/*'] },
  },
  {
    id: 'shell-start',
    category: 'shells',
    risk: 'high',
    what: ["start file of all users' shells", "start files of all users' shells"],
    why: "Every user's shell runs the file, also root's.",
    match: {
      by: 'path',
      paths: [
        'etc/{profile,profile.d/**,bash.bashrc,bashrc,bash.bash_logout,bash_completion}',
        'etc/{zsh/**,zshenv,zshrc,zprofile,zlogin,zlogout,csh.cshrc,csh.login,csh.logout,csh/**,ksh.kshrc,mkshrc,fish/**}',
        'usr/share/fish/vendor_conf.d/*',
        'etc/update-motd.d/*',
      ],
    },
  },
  {
    id: 'shell-start-in-home',
    category: 'shells',
    risk: 'high',
    what: ['start file of a shell in a home', 'start files of shells in homes'],
    why: "The user's shell runs the file, which can take passwords that are typed into sudo.",
    match: {
      by: 'path',
      paths: [
        `${homes}/.{bashrc,bash_profile,bash_login,bash_logout,bash_aliases,bash_completion,profile,pam_environment}`,
        `${homes}/.{zshrc,zshenv,zprofile,zlogin,zlogout,kshrc,mkshrc,cshrc,tcshrc,login,logout,xprofile,xsession,xsessionrc,xinitrc,xserverrc}`,
        `${homes}/.config/{fish/config.fish,fish/conf.d/*,fish/functions/*,environment.d/*,zsh/.z*,plasma-workspace/env/*}`,
        `${homes}/{.bashrc.d/*,.local/share/bash-completion/completions/*,.oh-my-zsh/custom/**}`,
      ],
    },
  },
];
