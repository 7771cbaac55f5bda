/** A command line that shows what an option does: its words behind those that name the root, and the command. */
export interface Example {
  readonly words: readonly string[];
  /** `true` unless given. */
  readonly command?: readonly string[];
  /** It names a root itself, or needs none; unless given it is behind `-z DATASET --wait 60`. */
  readonly bare?: true;
  /** The way it takes, where another one than the table of options says; null: what is refused, or is no run, takes none. */
  readonly way?: 'daemon' | 'node' | null;
}

const shell = (line: string): readonly string[] => ['sh', '-c', line];

/**
 * For each option that may be given to a run, what shows that it works. `scratch` has a directory with the file `file` in it, files of
 * variables, and a small root for -t; `dataset` is a template with a pool. They can be run again and again.
 */
export function optionExamples(scratch: string, dataset: string): Readonly<Record<string, readonly Example[]>> {
  const root = `${scratch}/root`;
  return {
    engine: [
      { words: ['-e', 'kvm'], command: shell('id -u; cat /etc/os-release; exit 4') },
      { words: ['-e', 'chroot'], command: shell('echo $0; pwd; id -u') },
      { words: ['-q', '-e', 'lxc'], command: shell('id -u; exit 4') },
      { words: ['-e', 'qemu'], way: null },
    ],
    clone: [
      { words: ['-c', dataset, '--wait', '60'], command: ['cat', '/etc/os-release'], bare: true },
      { words: ['-c', root], command: shell('cat /file; rm /file; ls /'), bare: true },
      { words: ['-c', './root'], command: ['cat', '/file'], bare: true },
      { words: ['-c', 'no-such-name'], bare: true, way: null },
      { words: ['-c', dataset, '-t', root], bare: true, way: null },
    ],
    zfs: [{ words: ['-z', dataset, '--wait', '60'], command: ['cat', '/etc/os-release'], bare: true }],
    template: [{ words: ['-t', root], command: shell('cat /file; echo more >> /log'), bare: true }],
    ephemeral: [{ words: ['-t', root, '--ephemeral'], command: shell('cat /file; rm /file; ls /'), bare: true }],
    keep: [
      // What it keeps is not there twice under one name; e2e/sessions shows it.
      { words: ['--keep=..'], way: null },
      { words: ['-t', root, '--keep=kept'], bare: true, way: null },
    ],
    'keep-on-failure': [{ words: ['--keep-on-failure'] }, { words: ['--keep-on-failure', '--keep'], way: null }],
    session: [{ words: ['--session', 'missing'], bare: true, way: null }],
    diff: [
      { words: ['--diff'], command: shell('echo out; echo more >> /etc/group; exit 3') },
      { words: ['-t', root, '--diff'], bare: true, way: null },
    ],
    storage: [
      { words: ['-t', root, '--ephemeral', '--storage', 'overlay'], command: shell('cat /file; rm /file; ls /'), bare: true },
      { words: ['-t', root, '--ephemeral', '--storage', 'btrfs'], bare: true, way: null },
      { words: ['-t', root, '--ephemeral', '--storage', 'zip'], bare: true, way: null },
      { words: ['--storage', 'overlay'], way: null },
    ],
    'read-only': [{ words: ['--read-only'], command: ['touch', '/x'] }],
    wait: [{ words: [], command: ['true'] }],
    bind: [
      { words: ['-d', 'directory:/mnt'], command: ['cat', '/mnt/file'] },
      { words: ['-d', './link/file:/etc/motd:ro'], command: shell('cat /etc/motd; echo no > /etc/motd') },
    ],
    tmpfs: [
      {
        words: ['--tmpfs', '/mnt:4M', '--tmpfs', '/opt/new'],
        command: shell('df -k /mnt | tail -n 1; touch /opt/new/file && ls /opt/new'),
      },
      { words: ['-q', '-e', 'lxc', '--tmpfs', '/mnt:4M'], command: shell('df -k /mnt | tail -n 1') },
      { words: ['-q', '-e', 'chroot', '--tmpfs', '/mnt:4M'], command: shell('df -k /mnt | tail -n 1') },
    ],
    mount: [
      {
        words: ['--mount', 'host-bind:/mnt=directory,ro', '--mount', 'ram:/opt=1M'],
        command: shell('cat /mnt/file; df -k /opt | tail -n 1'),
      },
      { words: ['--mount', 'ram:/mnt'], way: null },
      { words: ['--mount', 'guest-bind:/mnt=/etc'], way: null },
    ],
    env: [{ words: ['-v', 'A=1', '-v', 'B:2', '-v', 'PASSED', '-v', 'EMPTY', '-v', 'NOT_SET'], command: ['env'] }],
    'env-file': [{ words: ['--env-file', 'variables', '-v', 'FROM_FILE=beaten'], command: ['env'] }],
    chdir: [{ words: ['-p', '/etc'], command: ['pwd'] }],
    user: [
      { words: ['--user', 'root'], command: shell('id -u; echo $HOME') },
      { words: ['--user', '12:34', '-v', 'USER=other'], command: shell('id; echo $HOME $USER $LOGNAME $SHELL') },
      { words: ['--user', 'nobody-at-all'] },
    ],
    hostname: [{ words: ['--hostname', 'web.test'], command: shell('hostname; cat /etc/hosts') }],
    'uid-base': [{ words: ['-u', '1879048192', '-g', '1879048192'], command: ['cat', '/proc/self/uid_map'] }],
    'gid-base': [{ words: ['-u', '1879048192', '-g', '1879048192'], command: ['cat', '/proc/self/gid_map'] }],
    'no-seccomp': [{ words: ['--no-seccomp'], command: ['grep', 'Seccomp:', '/proc/self/status'] }],
    socketcall: [{ words: ['--socketcall'], command: ['grep', 'Seccomp:', '/proc/self/status'] }],
    'share-net': [{ words: ['-n'], command: shell('test -r /etc/resolv.conf && ls /sys/class/net; wc -l < /proc/net/dev') }],
    // There is no desktop here: what is compared is how its absence is told.
    x11: [{ words: ['-1', '-v', 'DISPLAY=:59999'], way: null }],
    pulse: [{ words: ['-2'], way: null }],
    wayland: [{ words: ['-3'], way: null }],
    gpu: [{ words: ['-4'], command: ['ls', '/dev'], way: null }],
    cpu: [{ words: ['--cpu', '50'], command: shell('echo $((6 * 7))') }],
    memory: [
      { words: ['--memory', '64M'], command: shell('echo $((6 * 7))') },
      { words: ['--memory', '64M'], command: shell('a=0123456789abcdef; while :; do a=$a$a; done') },
    ],
    cpus: [
      { words: ['-e', 'kvm', '--cpus', '2'], command: ['nproc'] },
      { words: ['--cpus', '2'], way: null },
    ],
    accel: [
      { words: ['-e', 'kvm', '--accel', 'tcg'], command: ['true'] },
      { words: ['-e', 'kvm', '--accel', 'x'], way: null },
    ],
    disk: [
      { words: ['-e', 'kvm', '--disk', 'a=disk.img,ro'], command: shell('ls /dev/disk/by-tag; cat /sys/block/vda/size /sys/block/vda/ro') },
      { words: ['-e', 'kvm', '--disk', 'a=missing'], way: null },
    ],
    network: [
      { words: ['-e', 'kvm', '--network', 'address=10.9.0.2'], command: ['cat', '/etc/resolv.conf'] },
      { words: ['-e', 'kvm', '--network', 'mac=1'], way: null },
    ],
    // That they work, e2e/machine-kernel shows: such a kernel takes its time.
    kernel: [{ words: ['-e', 'kvm', '--kernel', 'variables'], way: null }],
    'kernel-version': [{ words: ['-e', 'kvm', '--kernel-version', '1.2.3'], way: null }],
    modules: [{ words: ['-e', 'kvm', '--modules', '/lib/modules'], way: null }],
    // No two kernels say the same of their time.
    'init-debug': [{ words: ['--init-debug'], way: null }],
    pids: [{ words: ['--pids', '4'], command: shell('for n in 1 2 3 4 5 6; do sleep 0.2 & done 2>/dev/null; wait; echo done') }],
    timeout: [{ words: ['--timeout', '0.3', '--kill-after', '0'], command: ['sleep', '60'] }],
    'kill-after': [{ words: ['--kill-after', '0.1'], command: shell('kill -TERM $$') }],
    'pre-hook': [{ words: ['--pre-hook', 'echo before; ls $ROOTFS'], command: ['echo', 'inside'] }],
    'post-hook': [{ words: ['--post-hook', 'echo after; ls $ROOTFS'], command: ['echo', 'inside'] }],
    'net-bridge': [{ words: ['-e', 'lxc', '-n', '--net-bridge', 'none'], way: null }],
    tun: [{ words: ['-e', 'lxc', '--tun'], command: shell('test -c /dev/net/tun && echo tunnel') }],
    'lxc-log': [{ words: ['-q', '-e', 'lxc', '--lxc-log', 'lxc.log'] }],
    force: [{ words: ['--force'], way: null }],
    'skip-create': [{ words: ['--skip-create'], way: null }],
    refresh: [{ words: ['-q', '-s', '-r', dataset], command: [], bare: true, way: null }],
    'install-wrapper': [{ words: ['-w', dataset], command: [], bare: true, way: null }],
    'ignore-sigint': [{ words: ['-i'], command: shell('kill -INT $$') }],
    'dry-run': [{ words: ['--dry-run', '-t', root], bare: true, way: null }],
    json: [
      { words: ['--json', '--no-seccomp'], command: ['no-such-command'] },
      { words: ['--json', '-z', `${dataset}@a`], bare: true, way: null },
    ],
    'status-fd': [
      { words: ['--status-fd', '3'], command: shell('exit 3') },
      { words: ['--status-fd', '3'], command: shell('kill -SEGV $$') },
      { words: ['--status-fd', '3'], command: ['no-such-command'] },
      { words: ['--status-fd', '9'], way: null },
    ],
    trace: [{ words: ['--trace'], command: ['echo', 'traced'] }],
    quiet: [{ words: ['-q', '--no-seccomp'] }],
    help: [{ words: ['--help'], way: null }],
    version: [{ words: ['--version'], way: null }],
  };
}
