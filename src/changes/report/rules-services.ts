import { serviceItem, unitItem } from './items.ts';
import type { Rule } from './rule.ts';
import { isMask } from './links.ts';

/** Where systemd looks for what is of the system. */
const systemUnits = '{etc,run,usr/lib,usr/local/lib}/systemd/system';
const userUnits = '{etc/systemd/user,usr/lib/systemd/user,usr/local/lib/systemd/user}';
const homeUnits = '{root,home/*}/{.config,.local/share}/systemd/user';

/** Where other service managers look for what they start. At these levels sysvinit stops a service by its script. */
const initStarts = [
  'etc/{rc*.d,rc.d/rc*.d}/S*',
  'etc/rc{0,1,6}.d/K*',
  'etc/{runlevels/*/*,service/*,runit/runsvdir/*/*,rc.local,rc.d/rc.local,local.d/*.start}',
];

const unitFiles = ['etc/{init.d,rc.d/init.d,init,sv}/**', `${systemUnits}/**`, `${userUnits}/**`, 'etc/rc*.d/K*'];

export const serviceRules: readonly Rule[] = [
  {
    id: 'service-generator',
    category: 'services',
    risk: 'high',
    what: ['generator of services', 'generators of services'],
    why: 'systemd runs generators as root early at every boot, and they can start anything.',
    match: {
      by: 'path',
      paths: ['{etc,run,usr/lib,usr/local/lib}/systemd/{system,user,system-environment,user-environment}-generators/*'],
    },
  },
  {
    id: 'boot-target',
    category: 'services',
    risk: 'high',
    what: ['default target of the boot', 'default targets of the boot'],
    why: 'The default target decides what is started at boot.',
    match: { by: 'path', paths: [`${systemUnits}/{default.target,ctrl-alt-del.target}`, 'etc/inittab'] },
  },
  {
    id: 'service-masked',
    category: 'services',
    risk: 'medium',
    what: ['service switched off', 'services switched off'],
    why: 'The service can no longer be started; it may be one that protects the system.',
    named: true,
    inFull: true,
    match: {
      by: 'path',
      paths: ['{etc,run}/systemd/{system,user}/*'],
      fits: isMask,
      item: serviceItem,
    },
  },
  {
    id: 'service-enabled',
    category: 'services',
    risk: 'medium',
    what: ['service enabled at boot', 'services enabled at boot'],
    why: 'The service runs at every boot, mostly as root.',
    named: true,
    match: {
      by: 'path',
      paths: [`${systemUnits}/*.{wants,requires,upholds}/*.service`, ...initStarts],
      when: 'set',
      item: serviceItem,
    },
  },
  {
    id: 'socket-enabled',
    category: 'services',
    risk: 'medium',
    what: ['socket or path that starts a service', 'sockets and paths that start services'],
    why: 'A connection or a change of a file starts the service.',
    named: true,
    match: {
      by: 'path',
      paths: [`${systemUnits}/*.{wants,requires,upholds}/*.{socket,path,automount}`, 'etc/{inetd.conf,inetd.d/*,xinetd.conf,xinetd.d/*}'],
      when: 'set',
      item: unitItem,
    },
  },
  {
    id: 'timer-enabled',
    category: 'schedule',
    risk: 'medium',
    what: ['timer enabled', 'timers enabled'],
    why: 'A timer starts a program again and again, mostly as root.',
    named: true,
    match: { by: 'path', paths: [`${systemUnits}/*.{wants,requires,upholds}/*.timer`], when: 'set', item: unitItem },
  },
  {
    id: 'unit-enabled',
    category: 'services',
    risk: 'medium',
    what: ['other unit enabled at boot', 'other units enabled at boot'],
    why: 'systemd starts it or mounts it at every boot.',
    named: true,
    match: { by: 'path', paths: [`${systemUnits}/*.{wants,requires,upholds}/*`], when: 'set', item: unitItem },
  },
  {
    id: 'service-disabled',
    category: 'services',
    risk: 'medium',
    what: ['service or timer no longer enabled', 'services and timers no longer enabled'],
    why: 'The service does not start at boot any more; it may be one that protects the system.',
    named: true,
    inFull: true,
    match: {
      by: 'path',
      paths: [`${systemUnits}/*.{wants,requires,upholds}/*`, ...initStarts],
      when: 'gone',
      item: serviceItem,
    },
  },
  {
    id: 'unit-drop-in',
    category: 'services',
    risk: 'medium',
    what: ['addition to a unit', 'additions to units'],
    why: 'Such an addition changes how a service of another package runs.',
    match: { by: 'path', paths: [`${systemUnits}/*.d/*.conf`, `${userUnits}/*.d/*.conf`] },
  },
  {
    id: 'unit-of-administrator',
    category: 'services',
    risk: 'medium',
    what: ['unit in the place of the administrator', 'units in the place of the administrator'],
    why: 'A unit there replaces one of the same name, or is started by others.',
    match: {
      by: 'path',
      paths: ['{etc,run,usr/local/lib}/systemd/system/*', '{etc,usr/local/lib}/systemd/user/*'],
      fits: ({ before, after }) => (after ?? before)?.kind === 'file',
    },
  },
  {
    id: 'service-preset',
    category: 'services',
    risk: 'medium',
    what: ['preset of services', 'presets of services'],
    why: 'Presets decide which services are enabled when they are installed.',
    match: { by: 'path', paths: ['{etc,run,usr/lib}/systemd/{system,user}-preset/*'] },
  },
  {
    id: 'user-unit-enabled',
    category: 'services',
    risk: 'medium',
    what: ["service enabled in users' sessions", "services enabled in users' sessions"],
    why: 'The service runs whenever a user logs in, with the rights of that user.',
    named: true,
    match: { by: 'path', paths: [`${userUnits}/*.{wants,requires,upholds}/*`], item: unitItem },
  },
  {
    id: 'user-unit-in-home',
    category: 'services',
    risk: 'medium',
    what: ['unit in a home', 'units in homes'],
    why: 'systemd runs the unit for its user, also without a login if lingering is on.',
    match: { by: 'path', paths: [`${homeUnits}/**`, 'var/lib/systemd/linger/*'] },
  },
  {
    id: 'systemd-setting',
    category: 'services',
    risk: 'medium',
    what: ['setting of systemd', 'settings of systemd'],
    why: 'These settings hold for all services, sessions or logs.',
    match: {
      by: 'path',
      paths: [
        '{etc,run,usr/lib}/systemd/{system,user,logind,journald,coredump,oomd,sleep,timesyncd}.conf',
        '{etc,run,usr/lib}/systemd/{system,user,logind,journald,coredump,oomd,sleep,timesyncd}.conf.d/*',
        '{etc,run,usr/lib}/systemd/{system-sleep,system-shutdown}/*',
      ],
    },
  },
  {
    id: 'dbus-service',
    category: 'services',
    risk: 'medium',
    what: ['D-Bus service or policy', 'D-Bus services and policies'],
    why: 'D-Bus starts the service when any program asks for it, on the system bus mostly as root.',
    match: {
      by: 'path',
      paths: [
        '{usr/share,usr/local/share,etc}/dbus-1/{system-services,services,system.d,session.d}/*',
        'etc/dbus-1/*.conf',
        '{root,home/*}/.local/share/dbus-1/services/*',
      ],
    },
  },
  {
    id: 'tmpfiles',
    category: 'services',
    risk: 'medium',
    what: ['tmpfiles rule', 'tmpfiles rules'],
    why: 'systemd makes, changes or removes files by these rules as root at every boot.',
    match: { by: 'path', paths: ['{etc,run,usr/lib,usr/local/lib}/tmpfiles.d/*'] },
  },
  {
    id: 'unit-changed',
    category: 'services',
    risk: 'medium',
    what: ['unit or init script changed', 'units and init scripts changed'],
    why: 'A service that starts at boot already may do something else now, and no package that changed has the file.',
    general: true,
    match: { by: 'path', paths: unitFiles, when: 'set', fits: ({ before }) => before !== null },
  },
  {
    id: 'init-script',
    category: 'services',
    risk: 'low',
    what: ['unit or init script', 'units and init scripts'],
    why: 'The unit is there, but nothing in this report starts it at boot.',
    general: true,
    match: { by: 'path', paths: unitFiles },
  },
];
