import { kernelLines, plainLines } from './compare-lines.ts';
import type { Rule } from './rule.ts';

/** The kernel, the boot and devices. */
export const systemRules: readonly Rule[] = [
  {
    id: 'kernel',
    category: 'kernel',
    risk: 'high',
    what: ['kernel', 'kernels'],
    why: 'A host that takes the change over may boot this kernel.',
    match: {
      by: 'path',
      paths: ['boot/**/{vmlinuz,vmlinux,Image,kernel,bzImage}*', '{vmlinuz,vmlinux}*', 'usr/lib/modules/*/vmlinuz', 'boot/**/*.efi'],
    },
  },
  {
    id: 'kernel-module',
    category: 'kernel',
    risk: 'medium',
    what: ['kernel module or firmware', 'kernel modules and firmware'],
    why: 'A module runs inside the kernel, and firmware on a device.',
    match: {
      by: 'path',
      paths: [
        'usr/lib/modules/**/*.ko',
        'usr/lib/modules/**/*.{ko.gz,ko.xz,ko.zst}',
        'usr/lib/firmware/**',
        'var/lib/dkms/**',
        'usr/src/*/dkms.conf',
      ],
    },
  },
  {
    id: 'module-setting',
    category: 'kernel',
    risk: 'high',
    what: ['setting of kernel modules', 'settings of kernel modules'],
    why: 'The setting decides which modules are loaded, and can run a command as root instead.',
    match: {
      by: 'path',
      paths: [
        '{etc,run,usr/lib,usr/local/lib}/{modprobe.d,modules-load.d,depmod.d}/*',
        'etc/{modules,modprobe.conf,conf.d/modules}',
        'etc/dkms/**',
      ],
    },
  },
  {
    id: 'sysctl',
    category: 'kernel',
    risk: 'medium',
    what: ['setting of the kernel', 'settings of the kernel'],
    why: 'The setting is made at boot, and may switch a protection off.',
    match: { by: 'text', paths: ['etc/sysctl.conf', '{etc,run,usr/lib,usr/local/lib}/sysctl.d/*.conf'], compare: kernelLines },
  },
  {
    id: 'binary-format',
    category: 'kernel',
    risk: 'medium',
    what: ['interpreter for a kind of program', 'interpreters for kinds of programs'],
    why: 'The kernel starts the interpreter for every program of that kind.',
    match: { by: 'path', paths: ['{etc,run,usr/lib,usr/local/lib}/binfmt.d/*', '{usr/share,var/lib}/binfmts/*'] },
  },
  {
    id: 'mandatory-access',
    category: 'kernel',
    risk: 'medium',
    what: ['setting of what is confined or logged', 'settings of what is confined or logged'],
    why: 'A program may be allowed what it should not do, or leave no trace of it.',
    match: {
      by: 'path',
      paths: ['etc/{apparmor,apparmor.d,selinux,audit,tomoyo,ima}/**', 'etc/{rsyslog.conf,rsyslog.d/*,syslog.conf,syslog-ng/**}'],
    },
  },
  {
    id: 'udev-rule',
    category: 'devices',
    risk: 'medium',
    what: ['udev rule', 'udev rules'],
    why: 'A rule can run a program as root when a device appears, or give users the device.',
    match: { by: 'path', paths: ['{etc,run,usr/lib,usr/local/lib}/udev/{rules.d/*,udev.conf}', 'etc/udev/{scripts,agents.d}/**'] },
  },
  {
    id: 'init',
    category: 'boot',
    risk: 'high',
    what: ['file of the first process', 'files of the first process'],
    why: 'The first process is started at every boot, and never loses its rights.',
    match: {
      by: 'path',
      paths: [
        '{init,linuxrc}',
        'usr/{bin,sbin}/{init,telinit,openrc-init,runit-init,s6-svscan}',
        'usr/lib/systemd/systemd',
        'usr/lib/systemd/systemd-executor',
      ],
    },
  },
  {
    id: 'initramfs',
    category: 'boot',
    risk: 'high',
    what: ['file of the initial file system', 'files of the initial file system'],
    why: 'The initial file system runs as root before everything else, and sees passwords of encrypted disks.',
    match: {
      by: 'path',
      paths: [
        'boot/**/{initrd,initramfs}*',
        '{initrd.img,initrd.img.old}',
        '{etc,usr/share}/{initramfs-tools,mkinitcpio}/**',
        'usr/share/initramfs-tools/**',
        'etc/{mkinitcpio.conf,mkinitcpio.d/*,dracut.conf,dracut.conf.d/*,mkinitfs/**}',
        'usr/lib/{dracut,initcpio}/**',
      ],
    },
  },
  {
    id: 'bootloader',
    category: 'boot',
    risk: 'high',
    what: ['file of the boot loader', 'files of the boot loader'],
    why: 'The boot loader decides which kernel is started, and with which options.',
    match: {
      by: 'path',
      paths: [
        'boot/{grub,grub2,efi,EFI,loader,syslinux,extlinux}/**',
        '{efi,EFI}/**',
        'boot/*.{cfg,conf,txt,scr}',
        'etc/{default/grub,default/grub.d/*,grub.d/*,kernel/**,lilo.conf,zipl.conf}',
      ],
    },
  },
  {
    id: 'mount',
    category: 'boot',
    risk: 'medium',
    what: ['file system mounted at boot', 'file systems mounted at boot'],
    why: 'A mounted file system covers what is there, and may bring set-uid programs.',
    match: { by: 'text', paths: ['etc/{fstab,crypttab}', 'etc/{auto.master,auto.*,exports}'], compare: plainLines },
  },
  {
    id: 'boot-file',
    category: 'boot',
    risk: 'medium',
    what: ['other file of /boot', 'other files of /boot'],
    why: 'Files of /boot are read at boot, or belong to a kernel.',
    match: { by: 'path', paths: ['boot/**'] },
  },
];
