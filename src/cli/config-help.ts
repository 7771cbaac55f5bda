import type { VerbHelp } from './help-entry.ts';
import type { VerbsOf } from './verbs.ts';

/** What help says about the verbs of settings. */
export const configHelp: Readonly<Record<VerbsOf<'config'>, VerbHelp>> = {
  config: {
    form: 'isolate config VERB ...',
    summary: 'check, show and edit settings, and approve those of a project',
    more:
      'Your settings are in ~/.config/isolate/config.toml: a default template and engine, presets (isolate @NAME COMMAND) and aliases. A ' +
      'project has its own in .isolate.toml. docs/settings.md describes all keys.',
    examples: [],
  },
  'config check': {
    form: 'isolate config check [OPTIONS]',
    summary: 'check every settings file that a run here would read',
    examples: [['isolate config check', 'each file, and what is wrong with it']],
  },
  'config show': {
    form: 'isolate config show [OPTIONS]',
    summary: 'show the settings of runs in this directory, and which file says so',
    examples: [['isolate config show --json', 'the same for programs']],
  },
  'config edit': {
    form: 'isolate config edit [OPTIONS]',
    summary: 'edit your settings with $VISUAL or $EDITOR, and save them if they are valid',
    examples: [['isolate config edit --system', 'edit /etc/isolate/config.toml, as root']],
  },
  'config approve': {
    form: 'isolate config approve [OPTIONS] [FILE]',
    summary: 'show the settings of a project, and allow runs to use them as they are now',
    examples: [['isolate config approve', 'the nearest .isolate.toml, in this directory or above']],
  },
};
