import { configHelp } from './config-help.ts';
import type { VerbHelp } from './help-entry.ts';
import type { Verb } from './verbs.ts';
import { templateHelp } from './template-help.ts';

/** What help and the manual page say about each verb, in the order in which they print them. */
export const verbHelp: Readonly<Record<Verb, VerbHelp>> = {
  run: {
    form: 'isolate [run] [@PRESET] [OPTIONS] [--] [COMMAND [ARG...]]',
    summary: 'run a command in a throw-away copy of a Linux root',
    more:
      "The first word that is neither an option nor an option's value begins the command. Everything from there on is the command's, " +
      'byte for byte. The command sees its own files, processes and host name, and no network, unless options share more. @PRESET takes options from your settings (docs/settings.md).',
    examples: [
      ['isolate -z rpool/isolate/debian bash', 'a shell in a fresh clone of a ZFS dataset'],
      ['isolate -t /srv/debian --ephemeral bash', 'the same on a throw-away overlay of a directory'],
      ['isolate -z rpool/isolate/debian -d .:/src -p /src make', 'build the current directory, which the clone has at /src'],
      ['isolate -e chroot -t /srv/debian apt-get install less', "maintain a template, as this host's root: changes stay"],
      ['isolate -z rpool/isolate/debian -n -v LANG=C.UTF-8 apt-get update', "with the host's network and one more variable"],
      ['isolate -z rpool/isolate/debian --memory 1G -d .:/job -p /job ./run', 'your own program, with limits'],
      ['isolate -t /srv/debian --ephemeral -1 -2 xterm', 'a desktop program, with X11 and sound'],
      ['isolate --dry-run -z rpool/isolate/debian true', 'show what would be started, and start nothing'],
    ],
  },
  refresh: {
    form: 'isolate refresh [OPTIONS] TEMPLATE [COUNT]',
    summary: 'destroy used clones of a template and make the missing ones',
    examples: [
      ['isolate refresh rpool/isolate/debian 10', 'have ten clones ready'],
      ['isolate refresh --force rpool/isolate/debian', 'after a new snapshot: replace the clones of the old one'],
      ['isolate refresh --skip-create rpool/isolate/debian', 'only destroy used clones'],
      ['isolate refresh --skip-create --all', 'of all templates, and what killed runs left of directories'],
    ],
  },
  watch: {
    form: 'isolate watch [OPTIONS] [TEMPLATE[=COUNT]...]',
    summary: 'refresh whenever a run ends, on hosts without systemd',
    examples: [['isolate watch rpool/isolate/debian=5', 'keep five clones ready until it is ended']],
  },
  list: {
    form: 'isolate list [OPTIONS]',
    summary: 'list the templates that you may use',
    examples: [['isolate list', 'each template, its fresh clones and their snapshot']],
  },
  status: {
    form: 'isolate status [OPTIONS] [TEMPLATE...]',
    summary: 'show the pools: fresh, leased and retired clones, and who uses them',
    examples: [['isolate status --watch', 'follow the pools until q']],
  },
  ps: {
    form: 'isolate ps [OPTIONS]',
    summary: 'list the runs in progress',
    examples: [['isolate ps --watch', 'follow the runs until q']],
  },
  kill: {
    form: 'isolate kill [OPTIONS] RUN...',
    summary: 'end runs and wait until they have ended',
    more:
      'RUN is an id from the first column of isolate ps, a unique beginning of it, or a PID. The command gets SIGTERM, and SIGKILL if it ' +
      'still runs after its grace time.',
    examples: [
      ['isolate kill 3f2a91c0', 'end a run'],
      ['isolate kill --now 3f2a91c0', 'without a grace time'],
    ],
  },
  sessions: {
    form: 'isolate sessions [OPTIONS]',
    summary: 'list the roots that runs have kept',
    examples: [['isolate sessions', 'your sessions']],
  },
  enter: {
    form: 'isolate enter [OPTIONS] NAME [COMMAND [ARG...]]',
    summary: 'go on in a session',
    more: 'The command runs on what earlier runs have left, and what it changes stays. One run at a time uses a session; with --shared the command joins that run, and ends with it.',
    examples: [
      ['isolate enter debian-1 bash', 'a shell in the session'],
      ['isolate enter --shared debian-1 bash', 'another one beside it'],
      ['isolate enter debian-1 -n apt-get update', "with the host's network"],
    ],
  },
  exec: {
    form: 'isolate exec [OPTIONS] RUN COMMAND [ARG...]',
    summary: 'run one more command in a sandbox that is alive',
    more:
      'RUN is an id from the first column of isolate ps, a unique beginning of it, a PID, or the name of a session that a run uses. The ' +
      "command has the ids, capabilities, limits, files, variables and working directory of the run's own command, and ends with the run.",
    examples: [
      ['isolate exec 3f2a91c0 sh', 'a shell beside the command of a run'],
      ['isolate exec debian-1 ps -e', 'in the run that uses a session'],
    ],
  },
  diff: {
    form: 'isolate diff [OPTIONS] NAME [PATH...]',
    summary: 'show what was changed in a session, and what it means',
    more:
      'A report, ordered by risk, says what the changes mean; a list of them follows. PATH limits both to what is there and below. The exit ' +
      'status is 0 whether or not anything changed, unless --exit-code is given, and 2 if it fails.',
    examples: [
      ['isolate diff debian-1', 'a report, then the changes'],
      ['isolate diff --patch debian-1 /etc', 'what changed in the texts below /etc'],
      ['isolate diff --html changes.html debian-1', 'a page to look at and to pass on'],
      ['isolate diff --exit-code -q debian-1', 'only the exit status: 1 if anything changed'],
    ],
  },
  cp: {
    form: 'isolate cp [OPTIONS] SOURCE DESTINATION',
    summary: 'copy files out of a session or run, or into one',
    more:
      'One of the two is NAME:PATH of a session or run, the other a path of this host, or - for a tar archive. As with cp, a directory ' +
      'that is there gets what is copied under its own name, and DIRECTORY/. is what is in it. Links are copied and never followed. ' +
      'Modes and times stay; what arrives belongs to you, or to root there.',
    examples: [
      ['isolate cp debian-1:/etc/nginx .', 'a directory of the session, into this one'],
      ['isolate cp ./site/. debian-1:/srv/www', 'what is in a directory'],
      ['isolate cp -a debian-1:/home - | gzip > home.tar.gz', 'an archive'],
    ],
  },
  rm: {
    form: 'isolate rm [OPTIONS] NAME...',
    summary: 'remove sessions with everything that is in them',
    examples: [['isolate rm debian-1', 'throw away what was kept']],
  },
  rename: {
    form: 'isolate rename [OPTIONS] NAME NEW',
    summary: 'give a session another name',
    examples: [['isolate rename debian-1 bug-4711', 'a name that says what it is for']],
  },
  ...templateHelp,
  ...configHelp,
  serve: {
    form: 'isolate serve [OPTIONS]',
    summary: 'run the daemon: keep the pools full, lend clones to the group isolate',
    examples: [],
  },
  doctor: {
    form: 'isolate doctor [OPTIONS]',
    summary: 'show what this host supports, and how to add what is missing',
    examples: [
      ['isolate doctor', 'check this host'],
      ['isolate doctor --prove -t /srv/debian --ephemeral -n', 'start such a sandbox and attack it from inside'],
    ],
  },
  completion: {
    form: 'isolate completion bash|zsh|fish',
    summary: 'print completions for a shell',
    examples: [['source <(isolate completion bash)', 'for this shell']],
  },
  help: { form: 'isolate help [VERB]', summary: 'print help on isolate or on a verb', examples: [] },
};
