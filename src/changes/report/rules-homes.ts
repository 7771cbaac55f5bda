import { gitLines } from './compare-lines.ts';
import type { Rule } from './rule.ts';

const homes = '{root,home/*,home/*/*}';

/** Homes and desktops. */
export const homeRules: readonly Rule[] = [
  {
    id: 'desktop-autostart',
    category: 'homes',
    risk: 'medium',
    what: ['program that starts with the desktop', 'programs that start with the desktop'],
    why: 'The program runs whenever a user logs in to the desktop.',
    match: {
      by: 'path',
      paths: [
        'etc/{xdg/autostart/*,xdg/plasma-workspace/env/*,X11/Xsession.d/*,X11/xinit/**,X11/Xsetup,X11/xorg.conf,X11/xorg.conf.d/*}',
        '{usr/share,usr/local/share}/{gnome/autostart,gdm/greeter/autostart,xsessions,wayland-sessions}/*',
        `${homes}/.config/{autostart/*,autostart-scripts/*,plasma-workspace/**,sway/config,i3/config,hypr/*}`,
        'etc/{gdm3/**,lightdm/**,sddm.conf,sddm.conf.d/*}',
      ],
    },
  },
  {
    id: 'git-hook',
    category: 'homes',
    risk: 'high',
    what: ['hook of a repository', 'hooks of repositories'],
    why: 'git runs the hook with the rights of whoever works in the repository.',
    match: { by: 'path', paths: ['**/.git/hooks/*', '**/.git/modules/**/hooks/*'], except: ['**/hooks/*.sample'] },
  },
  {
    id: 'git-command',
    category: 'homes',
    risk: 'high',
    what: ['command in the settings of a repository', 'commands in the settings of repositories'],
    why: 'git runs the command with the rights of whoever works in the repository, or reads more settings.',
    match: { by: 'text', paths: ['**/.git/{config,config.worktree}', '**/.git/modules/**/config'], compare: gitLines },
  },
  {
    id: 'project-hook',
    category: 'homes',
    risk: 'medium',
    what: ['file that tools run in a project', 'files that tools run in projects'],
    why: 'An editor or another tool may run what is in the file when the project is opened.',
    match: {
      by: 'path',
      paths: [
        '**/.husky/*',
        '**/.hg/hgrc',
        '**/.envrc',
        '**/.vscode/{tasks,settings,launch}.json',
        '**/.devcontainer/**',
        '**/.pre-commit-config.yaml',
      ],
      except: ['**/{node_modules,site-packages,dist-packages}/**'],
    },
  },
  {
    id: 'git-setting',
    category: 'homes',
    risk: 'medium',
    what: ['setting of git', 'settings of git'],
    why: 'Such a setting can run commands in every repository, or send pushes elsewhere.',
    match: {
      by: 'path',
      paths: ['etc/gitconfig', `${homes}/{.gitconfig,.config/git/**,.git-templates/**}`, 'usr/share/git-core/templates/hooks/*'],
      except: ['**/*.sample'],
    },
  },
  {
    id: 'editor-start',
    category: 'homes',
    risk: 'medium',
    what: ['start file of an editor or a tool', 'start files of editors and tools'],
    why: 'The tool runs it when it starts, with the rights of its user.',
    match: {
      by: 'path',
      paths: [
        `${homes}/.{vimrc,gvimrc,exrc,inputrc,emacs,nanorc,screenrc,tmux.conf,gdbinit,pythonrc,irbrc,Rprofile,psqlrc,wgetrc,curlrc,perltidyrc,lldbinit}`,
        `${homes}/.{vim,emacs.d}/**`,
        `${homes}/.config/{nvim,emacs,tmux,gdb,Code/User}/**`,
        `${homes}/.ipython/profile_default/startup/*`,
      ],
    },
  },
  {
    id: 'credentials',
    category: 'homes',
    risk: 'medium',
    what: ['file with keys or passwords', 'files with keys or passwords'],
    why: 'The file opens accounts elsewhere; what was written in a sandbox may be known to others.',
    match: {
      by: 'path',
      paths: [
        `${homes}/.{netrc,git-credentials,pgpass,my.cnf,pypirc,vault-token}`,
        `${homes}/.{aws,azure,gnupg,kube,password-store,docker}/**`,
        `${homes}/.config/{gcloud,gh,op,rclone}/**`,
        `${homes}/.local/share/keyrings/**`,
        'etc/ssl/private/**',
      ],
      except: [`${homes}/.gnupg/{S.*,*.lock,*~}`],
    },
  },
  {
    id: 'history',
    category: 'traces',
    risk: 'low',
    what: ['history of commands', 'histories of commands'],
    why: 'The history tells what was typed; passwords may be in it.',
    match: {
      by: 'path',
      paths: [
        `${homes}/.{*_history,histfile,zhistory,lesshst,viminfo,wget-hsts}`,
        `${homes}/.local/share/fish/fish_history`,
        `${homes}/.local/state/**/history`,
      ],
      fits: ({ before, after }) => after !== null && (before?.sizeBytes ?? 0) <= after.sizeBytes,
    },
  },
  {
    id: 'trace-removed',
    category: 'traces',
    risk: 'medium',
    what: ['log or history cut or deleted', 'logs and histories cut or deleted'],
    why: 'What was in the file cannot be read any more.',
    inFull: true,
    match: {
      by: 'path',
      paths: [
        'var/log/**',
        'var/{adm,account}/**',
        'run/utmp',
        `${homes}/.{*_history,histfile,zhistory}`,
        `${homes}/.local/share/fish/fish_history`,
      ],
      except: ['var/log/apt/eipp.log.xz'],
      fits: ({ before, after }) => before !== null && before.kind !== 'socket' && (after === null || after.sizeBytes < before.sizeBytes),
    },
  },
  {
    id: 'log',
    category: 'noise',
    risk: 'none',
    what: ['log', 'logs'],
    why: 'Programs write logs while they run.',
    general: true,
    match: { by: 'path', directories: true, paths: ['var/log/**', 'var/{adm,account}/**', 'run/utmp'] },
  },
];
