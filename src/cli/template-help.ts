import type { VerbHelp } from './help-entry.ts';
import type { VerbsOf } from './verbs.ts';

/** What help says about the verbs of templates. */
export const templateHelp: Readonly<Record<VerbsOf<'template'>, VerbHelp>> = {
  template: {
    form: 'isolate template VERB ...',
    summary: 'make, list, change and remove templates',
    more:
      'A template is a NAME in your store or in that of the host, a dataset (POOL/NAME) or a directory (/DIR, ./DIR). isolate template VERB ' +
      '--help describes each verb.',
    examples: [],
  },
  'template create': {
    form: 'isolate template create [OPTIONS] TEMPLATE --from SOURCE',
    summary: 'make a template',
    more:
      'SOURCE is debian:SUITE or ubuntu:SUITE; a DIRECTORY; a tar archive, compressed or not (FILE, or - for standard input); or an image of ' +
      'a container: docker://IMAGE, docker-archive:FILE, oci-archive:FILE or oci:DIRECTORY. The template gets its name only when it is ' +
      'complete. Archives and images are unpacked in a sandbox.',
    examples: [
      ['isolate template create debian --from debian:trixie --default', 'a minimal Debian, for isolate bash'],
      ['isolate template create build --from debian:trixie --packages gcc,make', 'with more packages'],
      ['isolate template create alpine --from docker://docker.io/library/alpine:3', 'an image of a registry'],
      ['isolate template create ./root --from backup.tar.zst', 'an archive, unpacked as a template in a directory'],
    ],
  },
  'template list': {
    form: 'isolate template list [OPTIONS]',
    summary: 'list templates with their storage, snapshots, size and clones',
    examples: [['isolate template list', 'those in your store and in that of the host; for root also datasets elsewhere']],
  },
  'template show': {
    form: 'isolate template show [OPTIONS] TEMPLATE',
    summary: 'show everything that is known about a template',
    examples: [['isolate template show debian', 'its storage, snapshots, clones and defaults']],
  },
  'template shell': {
    form: 'isolate template shell [OPTIONS] TEMPLATE [COMMAND [ARG...]]',
    summary: 'change a template from inside',
    more:
      "Starts a shell or COMMAND as root of the template, with the host's network. At the end it says what changed, and offers to keep " +
      'that as a snapshot. Runs on clones do not see it before there is a new snapshot.',
    examples: [['isolate template shell debian', 'install and configure what you need']],
  },
  'template exec': {
    form: 'isolate template exec [OPTIONS] TEMPLATE COMMAND [ARG...]',
    summary: 'change a template by a command, and ask nothing',
    examples: [['isolate template exec --snapshot debian useradd -m ada', 'add a user, and keep that as a snapshot']],
  },
  'template update': {
    form: 'isolate template update [OPTIONS] TEMPLATE',
    summary: 'upgrade the distribution in a template, completely or not at all',
    more: 'With apt-get, on Debian, Ubuntu and what is like them. The new state is kept as a snapshot.',
    examples: [['isolate template update debian', 'what apt-get dist-upgrade does']],
  },
  'template snapshot': {
    form: 'isolate template snapshot [OPTIONS] TEMPLATE [LABEL]',
    summary: "keep a template's present state under a label",
    more: 'Without LABEL the time is the label. Clones of a dataset are made from its newest snapshot.',
    examples: [['isolate template snapshot debian before-upgrade', 'a state to go back to']],
  },
  'template rollback': {
    form: 'isolate template rollback [OPTIONS] TEMPLATE LABEL',
    summary: 'go back to a snapshot',
    more: 'The state before becomes a snapshot too, unless it is one already.',
    examples: [['isolate template rollback debian before-upgrade', 'undo what was done since']],
  },
  'template rename': {
    form: 'isolate template rename [OPTIONS] TEMPLATE NEW',
    summary: 'give a template and its snapshots another name',
    examples: [['isolate template rename debian bookworm', 'in the same store']],
  },
  'template remove': {
    form: 'isolate template remove [OPTIONS] TEMPLATE[@LABEL]',
    summary: 'remove a template with its snapshots and unused clones, or only a snapshot',
    more: 'A template on which something runs, or of which clones are kept, is not removed.',
    examples: [
      ['isolate template remove debian', 'the template, its snapshots and its fresh clones'],
      ['isolate template remove debian@before-upgrade', 'a state that is no longer needed'],
    ],
  },
  'template push': {
    form: 'isolate template push [OPTIONS] TEMPLATE TARGET',
    summary: 'make an image of a template, and store it in a registry',
    more:
      'TARGET is docker://IMAGE, oci:DIRECTORY[:NAME] or oci-archive:FILE[:NAME]. The image has one layer and the defaults of the template. ' +
      'skopeo stores it, with the accounts of skopeo login.',
    examples: [
      ['isolate template push debian docker://registry.example.org/team/debian:1', 'for others to pull'],
      ['isolate template push debian oci-archive:debian.tar', 'as a file'],
    ],
  },
  'template pull': {
    form: 'isolate template pull [OPTIONS] TEMPLATE docker://IMAGE',
    summary: 'make a template from an image of a registry, or bring it to the state of the image',
    more: 'A template that exists is replaced as a whole, and a snapshot keeps the state before. If it is of the same image, nothing is done.',
    examples: [['isolate template pull debian docker://registry.example.org/team/debian:1', 'also later, for what is new']],
  },
  'template send': {
    form: 'isolate template send [OPTIONS] TEMPLATE[@LABEL] [FILE | HOST:TEMPLATE]',
    summary: 'send a template to a file, a program or another host',
    more:
      'Without LABEL the newest snapshot of a dataset is sent, and the present state of a directory. Another host is reached with ssh and ' +
      'needs isolate too. From one dataset to another only what has changed since the newest common snapshot is sent.',
    examples: [
      ['isolate template send debian backup.example:debian', 'as a template of the same name on another host'],
      ['isolate template send debian@before-upgrade ./debian.template', 'a snapshot into a file'],
      ['isolate template send --tar rpool/isolate/debian | gzip > debian.gz', 'for any storage, compressed'],
    ],
  },
  'template receive': {
    form: 'isolate template receive [OPTIONS] TEMPLATE [FILE]',
    summary: 'make or update a template that was sent',
    more:
      'Without FILE it comes on standard input. The template has its name only when it is complete. The kernel reads ZFS streams with all ' +
      'its rights: take them only from hosts that you trust.',
    examples: [
      ['isolate template receive debian ./debian.template', 'a file'],
      ['isolate template receive --abort debian', 'forget a transfer that was interrupted'],
    ],
  },
  'template default': {
    form: 'isolate template default [OPTIONS] TEMPLATE',
    summary: 'use a template for runs that say nothing else',
    more: 'It is written into your settings, or with --system into those of the host.',
    examples: [['isolate template default debian', 'isolate bash runs in a copy of debian then']],
  },
};
