import { added, all, type Case, change, deleted, directory, edited, link, of, onlyText, stanza, text } from './make-changes.ts';

/** What triggers a rule, with the items that it finds, and what almost triggers it. */
export interface RuleCase {
  readonly triggers: Case;
  readonly items: readonly string[];
  readonly almost: Case;
}

const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const nothing: readonly string[] = [];

const path = (triggers: string, almost: string): RuleCase => ({
  triggers: of(added(triggers)),
  items: [`/${triggers}`],
  almost: of(added(almost)),
});
const quiet = (triggers: string, almost: string): RuleCase => ({
  triggers: of(added(triggers)),
  items: nothing,
  almost: of(added(almost)),
});

const packages: Readonly<Record<string, RuleCase>> = {
  unread: {
    triggers: of(edited('etc/passwd')),
    items: ['/etc/passwd'],
    almost: text('etc/passwd', 'root:x:0:0::/root:/bin/sh\n', 'root:x:0:0:Root:/root:/bin/sh\n'),
  },
  'package-installed': {
    triggers: text('var/lib/dpkg/status', stanza('dash', '1'), stanza('dash', '1') + stanza('nginx', '1.22.1-9')),
    items: ['nginx 1.22.1-9'],
    almost: text('var/lib/dpkg/status', stanza('dash', '1'), stanza('dash', '1') + stanza('nginx', '1', 'deinstall ok config-files')),
  },
  'package-changed': {
    triggers: text('var/lib/dpkg/status', stanza('dash', '1'), stanza('dash', '2')),
    items: ['dash 1 → 2'],
    almost: text('var/lib/dpkg/status', stanza('dash', '1'), `${stanza('dash', '1')}\n`),
  },
  'package-removed': {
    triggers: text('var/lib/dpkg/status', stanza('dash', '1') + stanza('bash', '5'), stanza('dash', '1', 'deinstall ok config-files')),
    items: ['dash 1', 'bash 5'],
    almost: text('var/lib/dpkg/status', stanza('dash', '1', 'deinstall ok config-files'), ''),
  },
  'package-incomplete': {
    triggers: text('var/lib/dpkg/status', '', stanza('dash', '1', 'install ok half-configured')),
    items: ['dash 1 (half-configured)'],
    almost: text('var/lib/dpkg/status', '', stanza('dash', '1', 'install ok triggers-pending')),
  },
  'rpm-database': path('var/lib/rpm/rpmdb.sqlite', 'var/lib/rpm/rpmdb.sqlite-shm'),
  'package-source': path('etc/apt/sources.list.d/x.list', 'usr/share/doc/apt/sources.list'),
  'package-key': path('etc/apt/trusted.gpg.d/x.gpg', 'etc/pacman.d/gnupg/S.gpg-agent'),
  'package-hook': path('etc/apt/apt.conf.d/99x', 'etc/dpkg/origins/debian'),
  'package-diversion': {
    triggers: text('var/lib/dpkg/diversions', '', '/usr/bin/a\n/usr/bin/a.real\nevil\n'),
    items: ['/var/lib/dpkg/diversions: /usr/bin/a → /usr/bin/a.real (by evil)'],
    almost: text('var/lib/dpkg/diversions-old', '', '/usr/bin/a\n/usr/bin/a.real\nevil\n'),
  },
  'package-script': {
    triggers: of(edited('var/lib/dpkg/info/dash.postinst')),
    items: ['/var/lib/dpkg/info/dash.postinst'],
    almost: all(
      of(change('var/lib/dpkg/info/bash.postinst', ['mode'], {}, { mode: 0o755 }), edited('var/lib/dpkg/info/dash.postinst')),
      text('var/lib/dpkg/status', stanza('dash', '1'), stanza('dash', '2')),
    ),
  },
};

const services: Readonly<Record<string, RuleCase>> = {
  'service-generator': path('usr/lib/systemd/system-generators/x', 'usr/lib/systemd/system/x.service'),
  'boot-target': {
    triggers: of(link('etc/systemd/system/default.target', '/x')),
    items: ['/etc/systemd/system/default.target'],
    almost: of(link('etc/systemd/system/rescue.target', '/x')),
  },
  'service-masked': {
    triggers: of(link('etc/systemd/system/ufw.service', '/dev/null')),
    items: ['ufw'],
    almost: of(link('etc/systemd/system/ufw.service', '/usr/lib/systemd/system/other.service')),
  },
  'service-enabled': {
    triggers: of(
      link('etc/systemd/system/multi-user.target.wants/nginx.service', '/lib/systemd/system/nginx.service'),
      link('etc/rc3.d/S01nginx', '../init.d/nginx'),
    ),
    items: ['nginx', 'nginx'],
    almost: of(added('usr/lib/systemd/system/nginx.service'), link('etc/rc3.d/K01nginx', '../init.d/nginx')),
  },
  'socket-enabled': {
    triggers: of(link('etc/systemd/system/sockets.target.wants/ssh.socket', '/x')),
    items: ['ssh.socket'],
    almost: of(deleted('etc/systemd/system/sockets.target.wants/ssh.socket'), added('usr/lib/systemd/system/ssh.socket')),
  },
  'timer-enabled': {
    triggers: of(link('usr/lib/systemd/system/timers.target.wants/apt-daily.timer', '/x')),
    items: ['apt-daily.timer'],
    almost: of(deleted('etc/systemd/system/timers.target.wants/x.timer'), added('usr/lib/systemd/system/apt-daily.timer')),
  },
  'unit-enabled': {
    triggers: of(link('etc/systemd/system/local-fs.target.requires/data.mount', '/x')),
    items: ['data.mount'],
    almost: of(link('etc/systemd/system/multi-user.target.wants/a.service', '/x')),
  },
  'service-disabled': {
    triggers: of(deleted('etc/systemd/system/multi-user.target.wants/ufw.service', { kind: 'link' })),
    items: ['ufw'],
    almost: of(change('etc/rc.local', ['mode'], {}, { mode: 0o755 }), deleted('etc/systemd/system/ufw.service')),
  },
  'unit-drop-in': path('etc/systemd/system/ssh.service.d/x.conf', 'etc/systemd/system/ssh.service.d/x.conf.bak'),
  'unit-of-administrator': {
    triggers: of(added('etc/systemd/system/x.service')),
    items: ['/etc/systemd/system/x.service'],
    almost: of(added('usr/lib/systemd/system/x.service'), link('etc/systemd/system/sshd.service', '/lib/systemd/system/ssh.service')),
  },
  'service-preset': path('etc/systemd/system-preset/00-x.preset', 'etc/systemd/system.x'),
  'user-unit-enabled': {
    triggers: of(link('etc/systemd/user/default.target.wants/x.service', '/x')),
    items: ['x.service'],
    almost: of(added('usr/lib/systemd/user/x.service')),
  },
  'user-unit-in-home': path('home/ada/.config/systemd/user/x.service', 'home/ada/.config/x.service'),
  'systemd-setting': path('etc/systemd/system.conf.d/x.conf', 'etc/systemd/x.conf'),
  'dbus-service': path('usr/share/dbus-1/system-services/x.service', 'usr/share/dbus-1/interfaces/x.xml'),
  tmpfiles: path('usr/lib/tmpfiles.d/x.conf', 'usr/lib/x.tmpfiles'),
  'unit-changed': {
    triggers: of(edited('lib/systemd/system/ssh.service'), edited('etc/init.d/ssh')),
    items: ['/lib/systemd/system/ssh.service', '/etc/init.d/ssh'],
    almost: of(added('lib/systemd/system/ssh.service'), change('etc/init.d/ssh', ['mode'], {}, { mode: 0o755 })),
  },
  'init-script': path('usr/lib/systemd/system/x.service', 'usr/lib/systemd/x.service'),
  'cron-entry': {
    triggers: text('etc/cron.d/x', null, '# every five minutes\nSHELL=/bin/sh\n\n*/5 * * * *  root  x\n'),
    items: ['/etc/cron.d/x: */5 * * * * root x'],
    almost: text('etc/cron.d/x', '*/5 * * * * root x\n', '# still\n*/5 * * * *   root x\n'),
  },
  'cron-script': path('etc/cron.daily/x', 'etc/cron.daily/.placeholder'),
  'cron-access': path('etc/cron.allow', 'etc/cron.other'),
};

const rights: Readonly<Record<string, RuleCase>> = {
  'set-uid-root': {
    triggers: of(
      added('usr/bin/x', { mode: 0o4755 }),
      change('usr/bin/y', ['mode'], { mode: 0o755 }, { mode: 0o4755 }),
      edited('usr/bin/z', { mode: 0o4755 }),
    ),
    items: ['/usr/bin/x', '/usr/bin/y', '/usr/bin/z'],
    almost: of(added('usr/bin/x', { mode: 0o4755, uid: 7 }), directory('d', { mode: 0o4755 }), deleted('usr/bin/z', { mode: 0o4755 })),
  },
  'set-uid-other': {
    triggers: of(added('usr/bin/x', { mode: 0o4755, uid: 7, gid: 8 })),
    items: ['/usr/bin/x (uid 7, gid 8)'],
    almost: of(added('usr/bin/x', { mode: 0o4755 })),
  },
  'set-gid': {
    triggers: of(added('usr/bin/x', { mode: 0o2755, gid: 8 })),
    items: ['/usr/bin/x (root, gid 8)'],
    almost: of(directory('var/mail', { mode: 0o2755 })),
  },
  capability: {
    triggers: of({ ...added('usr/bin/ping'), attributes: [{ name: 'security.capability', before: null, after: capability }] }),
    items: ['/usr/bin/ping (cap_net_raw=ep)'],
    almost: of({ ...added('usr/bin/ping'), attributes: [{ name: 'user.capability', before: null, after: capability }] }),
  },
  device: {
    triggers: of(
      added('srv/sda', { kind: 'block-device', device: { major: 8, minor: 0 } }),
      added('srv/b', { kind: 'block-device', device: { major: 1, minor: 3 } }),
    ),
    items: ['/srv/sda (block device 8:0)', '/srv/b (block device 1:3)'],
    almost: of(added('srv/null', { kind: 'character-device', device: { major: 1, minor: 3 } })),
  },
  'deceptive-name': {
    triggers: of(added('usr/bin/ls '), added('usr/a\x1b[2J'), directory('opt/...'), added('opt/\xe2\x80\xae')),
    items: ['"/usr/bin/ls "', String.raw`"/usr/a\033[2J"`, '/opt/...', String.raw`"/opt/\342\200\256"`],
    almost: of(added('usr/bin/a b'), directory('opt/..x'), added('opt/\xc3\xa4'), edited('usr/bin/ls ')),
  },
  'foreign-owner': {
    triggers: of(added('srv/x', { uid: null }), change('srv/y', ['group'], {}, { gid: null })),
    items: ['/srv/x (a uid outside the sandbox, gid 0)', '/srv/y (gid 0 → a gid outside the sandbox)'],
    almost: of(deleted('srv/x', { uid: null }), added('srv/y', { uid: 65_534 })),
  },
  'world-writable': {
    triggers: of(change('etc/x', ['mode'], {}, { mode: 0o666 }), directory('srv/x', { mode: 0o777 })),
    items: ['/etc/x (644 → 666)', '/srv/x (777)'],
    almost: of(
      directory('srv/tmp', { mode: 0o1777 }),
      link('srv/l', 'x'),
      added('srv/s', { kind: 'socket', mode: 0o777 }),
      edited('etc/x', { mode: 0o666 }),
      added('etc/y', { mode: 0o664 }),
    ),
  },
  'now-readable': {
    triggers: of(change('etc/shadow', ['mode'], { mode: 0o640 }, { mode: 0o644 })),
    items: ['/etc/shadow (640 → 644)'],
    almost: of(
      change('etc/passwd-', ['mode'], { mode: 0o600 }, { mode: 0o644 }),
      change('etc/x', ['mode'], { mode: 0o600 }, { mode: 0o640 }),
    ),
  },
  'owned-by-nobody': {
    triggers: of(added('srv/x', { uid: 65_534 })),
    items: ['/srv/x'],
    almost: of(added('srv/x', { gid: 65_534 }), edited('srv/y', { uid: 65_534 })),
  },
  'owner-changed': {
    triggers: of(change('etc/x', ['owner'], {}, { uid: 7 }), change('etc/y', ['owner', 'group'], { gid: 3 }, { uid: 7, gid: 4 })),
    items: ['/etc/x (root → uid 7)', '/etc/y (root → uid 7, gid 3 → gid 4)'],
    almost: of(added('etc/x', { uid: 7 })),
  },
  'access-list': {
    triggers: of(change('srv/x', ['acl'], {}, {}), {
      ...added('srv/y'),
      attributes: [{ name: 'system.posix_acl_access', before: null, after: capability }],
    }),
    items: ['/srv/x', '/srv/y'],
    almost: of(
      { ...change('srv/x', ['attributes'], {}, {}), attributes: [{ name: 'user.acl', before: null, after: capability }] },
      deleted('srv/y'),
    ),
  },
  'type-changed': {
    triggers: of(change('srv/x', ['type'], {}, { kind: 'link', target: '/x' })),
    items: ['/srv/x (file → link)'],
    almost: of(edited('srv/x')),
  },
  'rights-lost': {
    triggers: of(change('usr/bin/x', ['mode'], { mode: 0o4755 }, { mode: 0o755 })),
    items: ['/usr/bin/x (4755 → 755)'],
    almost: of(change('usr/bin/x', ['mode'], { mode: 0o755 }, { mode: 0o700 }), deleted('usr/bin/y', { mode: 0o4755 })),
  },
  'usual-device': {
    triggers: of(added('srv/null', { kind: 'character-device', device: { major: 1, minor: 3 } })),
    items: ['/srv/null (character device 1:3)'],
    almost: of(added('srv/mem', { kind: 'character-device', device: { major: 1, minor: 1 } })),
  },
  'hidden-directory': {
    triggers: of(directory('usr/share/.x')),
    items: ['/usr/share/.x'],
    almost: of(
      directory('home/ada/.x'),
      directory('opt/a/.git'),
      directory('tmp/.X11-unix'),
      added('usr/share/.file'),
      directory('usr/.x/y'),
    ),
  },
};

const passwd = (...lines: string[]) => ['root:x:0:0:root:/root:/bin/bash', ...lines].map((line) => `${line}\n`).join('');

const accounts: Readonly<Record<string, RuleCase>> = {
  'user-root': {
    triggers: text(
      'etc/passwd',
      passwd('ada:x:1000:1000::/home/ada:/bin/sh'),
      passwd('ada:x:0:1000::/home/ada:/bin/sh', 'toor:x:00:0::/:'),
    ),
    items: ['ada (uid 0, gid 1000, home /home/ada, shell /bin/sh)', 'toor (uid 00, gid 0, home /, shell /bin/sh)'],
    // A line of too few fields makes no user.
    almost: all(text('etc/passwd', null, passwd('ada:x:1000:0::/home/ada:/bin/sh', 'eve', 'eve:x:0'))),
  },
  'password-empty': {
    triggers: text('etc/shadow', 'ada:!:1::::::\n', 'ada::1::::::\n'),
    items: ['ada'],
    almost: text('etc/shadow', 'ada::1::::::\n', 'ada::2::::::\neve:*:1::::::\n'),
  },
  'password-set': {
    triggers: text('etc/shadow', 'ada:!:1::::::\nbob:$y$1:1::::::\n', 'ada:$y$2:1::::::\nbob:$y$1:2::::::\n'),
    items: ['ada'],
    almost: text('etc/shadow', 'ada:!:1::::::\n', 'ada:!*:1::::::\neve:!:1::::::\n'),
  },
  'group-password': {
    triggers: text('etc/gshadow', 'staff:!::\n', 'staff:$y$1::\n'),
    items: ['staff'],
    almost: text('etc/gshadow', 'staff:!::\n', 'staff:*::\n'),
  },
  'member-of-mighty-group': {
    triggers: text('etc/group', 'sudo:x:27:bob\n', 'sudo:x:27:bob,ada\n'),
    items: ['ada in sudo'],
    almost: text('etc/group', 'sudo:x:27:bob\nvideo:x:44:\n', 'sudo:x:27:bob\nvideo:x:44:ada\n'),
  },
  'user-added': {
    triggers: text('etc/passwd', passwd(), passwd('ada:x:1000:1000::/home/ada:/bin/bash')),
    items: ['ada (uid 1000, gid 1000, home /home/ada, shell /bin/bash)'],
    almost: text('etc/passwd', passwd(), passwd('sshd:x:100:65534::/run/sshd:/usr/sbin/nologin')),
  },
  'user-changed': {
    triggers: text('etc/passwd', passwd('www:x:33:33::/var/www:/usr/sbin/nologin'), passwd('www:x:33:34::/var/www:/bin/sh')),
    items: ['www (gid 33 → 34, shell /usr/sbin/nologin → /bin/sh)'],
    almost: text('etc/passwd', passwd('ada:x:1:1:Ada:/:/bin/sh'), passwd('ada:x:1:1:Ada L:/:/bin/sh')),
  },
  'user-removed': {
    triggers: text('etc/passwd', passwd('ada:x:1:1::/:/bin/sh'), passwd()),
    items: ['ada'],
    almost: text(
      'etc/passwd',
      passwd('ada:x:1:1::/:/bin/sh', 'bob:x:2:2::/:/bin/sh'),
      passwd('bob:x:2:2::/:/bin/sh', 'ada:x:1:1::/:/bin/sh'),
    ),
  },
  'password-locked': {
    triggers: text('etc/shadow', 'ada:$y$1:1::::::\n', 'ada:!$y$1:1::::::\n'),
    items: ['ada'],
    almost: text('etc/shadow', 'ada:*:1::::::\n', 'ada:!:1::::::\n'),
  },
  'system-user-added': {
    triggers: text('etc/passwd', passwd(), passwd('sshd:x:100:65534::/run/sshd:/usr/sbin/nologin')),
    items: ['sshd (uid 100, gid 65534, home /run/sshd, shell /usr/sbin/nologin)'],
    almost: text('etc/passwd', passwd(), passwd('sshd:x:100:65534::/run/sshd:')),
  },
  'member-of-group': {
    triggers: text('etc/group', 'video:x:44:\n', 'video:x:44:ada\n'),
    items: ['ada in video'],
    almost: text('etc/group', 'video:x:44:ada\n', 'video:x:44:\nsudo:x:27:ada\n'),
  },
  'group-changed': {
    triggers: text('etc/group', 'video:x:44:\n', 'video:x:45:\n'),
    items: ['video (gid 44 → 45)'],
    almost: text('etc/group', 'video:x:44:\n', 'video:x:44:ada\n'),
  },
  'group-added': {
    triggers: text('etc/group', '', 'crontab:x:101:\n'),
    items: ['crontab (gid 101)'],
    almost: text('etc/group', 'crontab:x:101:\n', 'crontab:x:101:ada\n'),
  },
  'group-removed': {
    triggers: text('etc/group', 'crontab:x:101:\n', ''),
    items: ['crontab'],
    almost: text('etc/group', 'crontab:x:101:\n', 'crontab:x:102:\n'),
  },
  sysusers: path('usr/lib/sysusers.d/x.conf', 'usr/lib/sysusers/x.conf'),
  'subordinate-ids': path('etc/subuid', 'etc/subuid-'),
  'account-defaults': path('etc/skel/.bashrc', 'etc/skeleton'),
};

const access: Readonly<Record<string, RuleCase>> = {
  sudoers: {
    triggers: text('etc/sudoers.d/x', '#1 ALL=(ALL) ALL\n', '# comment\nada ALL=(ALL) \\\n NOPASSWD: ALL\n'),
    items: ['/etc/sudoers.d/x: ada ALL=(ALL) NOPASSWD: ALL', '/etc/sudoers.d/x: #1 ALL=(ALL) ALL (removed)'],
    almost: text('etc/sudoers', 'ada ALL=(ALL) ALL\n', '# ada\nada  ALL=(ALL)   ALL\n'),
  },
  'polkit-rule': path('etc/polkit-1/rules.d/x.rules', 'usr/share/polkit-1/actions/x.policy'),
  'polkit-action': path('usr/share/polkit-1/actions/x.policy', 'usr/share/polkit-1/rules.d/x.rules'),
  'pam-changed': { triggers: of(edited('etc/pam.d/common-auth')), items: ['/etc/pam.d/common-auth'], almost: of(added('etc/pam.d/cron')) },
  'pam-module': path('usr/lib/x86_64-linux-gnu/security/pam_x.so', 'usr/lib/x86_64-linux-gnu/pam_x.so'),
  'pam-added': { triggers: of(added('etc/pam.d/cron')), items: ['/etc/pam.d/cron'], almost: of(edited('etc/pam.d/cron')) },
  nsswitch: path('etc/nsswitch.conf', 'usr/share/libc-bin/nsswitch.conf'),
  'authorized-key': {
    triggers: text('root/.ssh/authorized_keys', '', '# mine\ncommand="x" ssh-ed25519 AAAA ada@laptop\nssh-rsa BBBB\n'),
    items: ['/root/.ssh/authorized_keys: command="x" ssh-ed25519 ada@laptop', '/root/.ssh/authorized_keys: ssh-rsa'],
    almost: text('root/.ssh/authorized_keys', 'ssh-rsa BBBB\n', '# mine\nssh-rsa BBBB\n'),
  },
  'ssh-server-setting': path('etc/ssh/sshd_config.d/x.conf', 'etc/ssh/moduli'),
  'ssh-host-key': path('etc/ssh/ssh_host_rsa_key', 'etc/ssh/ssh_import_id'),
  'ssh-client-setting': path('home/ada/.ssh/config', 'home/ada/.ssh/known_hosts'),
  'ca-certificate': {
    triggers: of(
      added('usr/local/share/ca-certificates/x.crt'),
      link('etc/ssl/certs/y.pem', '/root/y.pem'),
      link('etc/ssl/certs/z.pem', '/usr/share/ca-certificates/../z'),
    ),
    items: ['/usr/local/share/ca-certificates/x.crt', '/etc/ssl/certs/y.pem', '/etc/ssl/certs/z.pem'],
    almost: of(link('etc/ssl/certs/y.pem', '/usr/share/ca-certificates/mozilla/y.crt'), link('etc/ssl/certs/0.0', 'y.pem')),
  },
  'ca-bundle': path('etc/ssl/certs/ca-certificates.crt', 'usr/share/ca-certificates/mozilla/x.crt'),
  'ca-of-distribution': path('usr/share/ca-certificates/mozilla/x.crt', 'usr/local/share/ca-certificates/x.crt'),
};

const loading: Readonly<Record<string, RuleCase>> = {
  'loader-preload': {
    triggers: text('etc/ld.so.preload', null, '/x.so\n'),
    items: ['/etc/ld.so.preload: /x.so'],
    almost: text('etc/ld.so.preload', null, '# /x.so\n'),
  },
  'loader-path': {
    triggers: text('etc/ld.so.conf.d/x.conf', null, '/opt/x\n'),
    items: ['/etc/ld.so.conf.d/x.conf: /opt/x'],
    almost: text('etc/ld.so.conf', '/x\n', '# x\n/x\n'),
  },
  'c-library': path('lib/x86_64-linux-gnu/libc.so.6', 'lib/x86_64-linux-gnu/libcap.so.2'),
  'python-startup': path('usr/lib/python3/dist-packages/x.pth', 'usr/lib/python3/dist-packages/x.py'),
  environment: path('etc/environment', 'etc/default/locale'),
  'shell-start': path('etc/profile.d/x.sh', 'usr/share/profile.d/x.sh'),
  'shell-start-in-home': path('home/ada/.bashrc', 'etc/skel/.bashrc'),
};

const system: Readonly<Record<string, RuleCase>> = {
  kernel: path('boot/vmlinuz-6.1', 'boot/System.map-6.1'),
  'kernel-module': path('lib/modules/6.1/kernel/x.ko.xz', 'usr/lib/modules/6.1/modules.dep'),
  'module-setting': path('etc/modprobe.d/x.conf', 'etc/modprobe/x.conf'),
  sysctl: {
    triggers: text('etc/sysctl.d/x.conf', null, '; no\n# no\nkernel.yama.ptrace_scope = 0\n'),
    items: ['/etc/sysctl.d/x.conf: kernel.yama.ptrace_scope = 0'],
    almost: text('etc/sysctl.d/README', null, 'kernel.yama.ptrace_scope = 0\n'),
  },
  'binary-format': path('usr/lib/binfmt.d/x.conf', 'usr/lib/binfmt/x.conf'),
  'mandatory-access': path('etc/apparmor.d/x', 'etc/apport/x'),
  'udev-rule': path('lib/udev/rules.d/x.rules', 'lib/udev/hwdb.d/x.hwdb'),
  init: path('sbin/init', 'usr/local/sbin/init'),
  initramfs: path('boot/initrd.img-6.1', 'usr/share/doc/initramfs-tools/README'),
  bootloader: path('boot/grub/grub.cfg', 'boot/config-6.1'),
  mount: {
    triggers: text('etc/fstab', '', '# /\n/dev/sda1 / ext4 suid 0 1\n'),
    items: ['/etc/fstab: /dev/sda1 / ext4 suid 0 1'],
    almost: text('etc/fstab', '', '# no file system\n'),
  },
  'boot-file': path('boot/config-6.1', 'boot/vmlinuz-6.1'),
};

const network: Readonly<Record<string, RuleCase>> = {
  hosts: {
    triggers: text('etc/hosts', '127.0.0.1 localhost\n', '127.0.0.1\tlocalhost\n10.0.0.1 deb.debian.org\n'),
    items: ['/etc/hosts: 10.0.0.1 deb.debian.org'],
    almost: text('etc/hosts', '127.0.0.1 localhost\n', '127.0.0.1\tlocalhost\n'),
  },
  resolver: path('etc/resolv.conf', 'etc/resolv.conf.bak'),
  firewall: path('etc/nftables.conf', 'etc/ufw/applications.d/nginx'),
  'network-access': {
    triggers: text('etc/hosts.allow', '', 'ALL: ALL\n'),
    items: ['/etc/hosts.allow: ALL: ALL'],
    almost: text('etc/hosts.allow', '', '# ALL: ALL\n'),
  },
  'network-hook': path('etc/network/if-up.d/x', 'etc/network/interfaces'),
  'network-setting': path('etc/network/interfaces', 'etc/networking'),
};

const homes: Readonly<Record<string, RuleCase>> = {
  'desktop-autostart': path('home/ada/.config/autostart/x.desktop', 'home/ada/.config/x.desktop'),
  'git-hook': path('home/ada/src/.git/hooks/pre-commit', 'home/ada/src/.git/hooks/pre-commit.sample'),
  'git-command': {
    triggers: text('home/ada/src/.git/config', '[core]\n', '[core]\n\tfsmonitor = /x\n[alias]\n\tst = !x\n[filter "]"] clean = /y\n'),
    items: [
      '/home/ada/src/.git/config: fsmonitor = /x',
      '/home/ada/src/.git/config: st = !x',
      '/home/ada/src/.git/config: [filter "]"] clean = /y',
    ],
    almost: text('home/ada/src/.git/config', '[core]\n', '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://example.org/x\n'),
  },
  'project-hook': path('home/ada/src/.envrc', 'home/ada/node_modules/x/.envrc'),
  'git-setting': {
    triggers: of(added('home/ada/.gitconfig')),
    items: ['/home/ada/.gitconfig'],
    almost: of(added('home/ada/.gitignore'), edited('usr/share/git-core/templates/hooks/x.sample')),
  },
  'editor-start': path('root/.vimrc', 'root/.viminfo'),
  credentials: path('home/ada/.aws/credentials', 'home/ada/.gnupg/S.gpg-agent'),
  history: path('root/.bash_history', 'root/bash_history'),
  'trace-removed': {
    triggers: of(deleted('var/log/a.log'), edited('var/log/b.log', { sizeBytes: 5 }, { sizeBytes: 4 }), deleted('root/.bash_history')),
    items: ['/var/log/a.log (deleted)', '/var/log/b.log', '/root/.bash_history (deleted)'],
    almost: of(
      edited('var/log/apt/eipp.log.xz', { sizeBytes: 5 }, { sizeBytes: 4 }),
      edited('var/log/b.log', { sizeBytes: 4 }, { sizeBytes: 5 }),
      added('root/.bash_history'),
    ),
  },
  log: quiet('var/log/x.log', 'var/lib/x.log'),
};

const files: Readonly<Record<string, RuleCase>> = {
  'package-files': {
    triggers: all(
      text('var/lib/dpkg/status', '', stanza('nginx', '1')),
      onlyText('var/lib/dpkg/info/nginx.list', null, '/.\n/usr/sbin/nginx\n'),
      of(added('usr/sbin/nginx')),
    ),
    items: nothing,
    almost: all(
      text('var/lib/dpkg/status', '', stanza('nginx', '1')),
      onlyText('var/lib/dpkg/info/apache.list', null, '/.\n/usr/sbin/nginx\n'),
      of(added('usr/sbin/nginx')),
    ),
  },
  'package-record': quiet('var/lib/dpkg/lock', 'var/lib/dpkg.lock'),
  'account-file': {
    triggers: text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n', 'root:x:0:0:admin:/root:/bin/sh\n'),
    items: nothing,
    almost: all(
      of(change('etc/shadow', ['mode'], {}, { mode: 0o600 })),
      text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n', 'root:x:0:0:root:/root:/bin/zsh\n'),
    ),
  },
  cache: quiet('var/cache/apt/x', 'var/cached'),
  'skeleton-copy': {
    triggers: all(text('home/ada/.bashrc', null, 'alias l=ls\n'), onlyText('etc/skel/.bashrc', 'alias l=ls\n', 'alias l=ls\n')),
    items: [],
    // What was not there before is nobody's skeleton.
    almost: all(
      text('home/ada/.bashrc', null, 'evil\n'),
      text('etc/skel/.bashrc', 'alias l=ls\n', 'evil\n'),
      text('home/ada/.profile', 'a\n', 'b\n'),
      onlyText('etc/skel/.profile', 'b\n', 'b\n'),
    ),
  },
  temporary: quiet('tmp/a/b', 'opt/tmp/b'),
  identity: quiet('etc/machine-id', 'etc/machine-info'),
  documentation: quiet('usr/share/doc/x/README', 'usr/share/x/README'),
  directory: {
    triggers: of(directory('opt/x')),
    items: nothing,
    almost: of(change('opt/x', ['mode'], { kind: 'directory' }, { kind: 'directory', mode: 0o700 })),
  },
  'file-deleted': {
    triggers: of(deleted('opt/x'), deleted('opt/d', { kind: 'directory' }), deleted('opt/d/a'), deleted('opt/d/b')),
    items: ['/opt/x (deleted)', '/opt/d/ (deleted)', '/opt/d/ (deleted)', '/opt/d/ (deleted)'],
    almost: of(deleted('var/cache/x'), edited('opt/x')),
  },
  'permissions-changed': {
    triggers: of(change('opt/x', ['mode', 'attributes'], { mode: 0o755 }, { mode: 0o700 })),
    items: ['/opt/x (755 → 700)'],
    almost: of(change('opt/x', ['content', 'mode'], { mode: 0o755 }, { mode: 0o700 })),
  },
  alternative: {
    triggers: of(link('etc/alternatives/vi', '/usr/bin/vim'), link('usr/bin/vi', '/etc/alternatives/vi')),
    items: ['/etc/alternatives/vi', '/usr/bin/vi'],
    almost: of(link('usr/bin/vi', '/etc/other/vi')),
  },
  'program-replaced': {
    triggers: of(
      edited('bin/ls', { mode: 0o755 }),
      edited('usr/lib/x/libx.so.1'),
      edited('usr/lib/git-core/git', { mode: 0o755 }),
      edited('usr/share/x/y.py'),
    ),
    items: ['/bin/ls', '/usr/lib/x/libx.so.1', '/usr/lib/git-core/git', '/usr/share/x/y.py'],
    almost: of(
      change('bin/ls', ['mode'], { mode: 0o755 }, { mode: 0o700 }),
      added('bin/ls', { mode: 0o755 }),
      edited('usr/lib/os-release'),
    ),
  },
  'npm-program': {
    triggers: of(link('usr/local/bin/tsc', '../lib/node_modules/typescript/bin/tsc')),
    items: ['/usr/local/bin/tsc → ../lib/node_modules/typescript/bin/tsc'],
    almost: of(link('usr/local/bin/tsc', '../lib/modules/tsc'), added('usr/local/bin/node_modules')),
  },
  'program-added': path('usr/local/bin/x', 'usr/local/share/x'),
  'library-added': path('usr/local/lib/libx.so.1', 'usr/local/lib/libx.a'),
  'language-module': path('usr/local/lib/node_modules/x/index.js', 'usr/local/lib/x/index.js'),
  'etc-changed': path('etc/x/y', 'usr/etc/x/y'),
  'home-file': path('home/ada/x', 'srv/home/ada/x'),
  'var-file': path('var/lib/x/y', 'opt/var/lib/x'),
  'other-file': path('opt/x', 'etc/x'),
};

/** By the ids of the rules. */
export const ruleCases: Readonly<Record<string, RuleCase>> = {
  ...packages,
  ...services,
  ...rights,
  ...accounts,
  ...access,
  ...loading,
  ...system,
  ...network,
  ...homes,
  ...files,
};
