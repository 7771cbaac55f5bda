import { plainLines } from './compare-lines.ts';
import type { Rule } from './rule.ts';

export const networkRules: readonly Rule[] = [
  {
    id: 'hosts',
    category: 'network',
    risk: 'medium',
    what: ['line of /etc/hosts', 'lines of /etc/hosts'],
    why: 'The line sends connections to a name to the address that it gives.',
    match: { by: 'text', paths: ['etc/{hosts,ethers}'], compare: plainLines },
  },
  {
    id: 'resolver',
    category: 'network',
    risk: 'medium',
    what: ['setting of name servers', 'settings of name servers'],
    why: 'The servers that resolve names decide where connections go.',
    match: {
      by: 'path',
      paths: [
        'etc/{resolv.conf,resolvconf/**,host.conf,gai.conf,resolvconf.conf,unbound/**,dnsmasq.conf,dnsmasq.d/*}',
        '{etc,usr/lib}/systemd/{resolved.conf,resolved.conf.d/*,dnssd/*}',
      ],
    },
  },
  {
    id: 'firewall',
    category: 'network',
    risk: 'high',
    what: ['setting of the firewall', 'settings of the firewall'],
    why: 'The firewall decides who reaches the services of the host.',
    match: {
      by: 'path',
      paths: ['etc/{nftables.conf,nftables.d/*,iptables/**,ufw/**,firewalld/**,ipsets/**}'],
      except: ['etc/ufw/applications.d/**'],
    },
  },
  {
    id: 'network-access',
    category: 'network',
    risk: 'high',
    what: ['line of who may connect', 'lines of who may connect'],
    why: 'Many services let in or refuse whom the lines name.',
    match: { by: 'text', paths: ['etc/hosts.{allow,deny}'], compare: plainLines },
  },
  {
    id: 'network-hook',
    category: 'network',
    risk: 'medium',
    what: ['script that runs with the network', 'scripts that run with the network'],
    why: 'The script runs as root whenever the network goes up or down.',
    match: {
      by: 'path',
      paths: [
        'etc/network/if-*.d/*',
        '{etc,usr/lib}/NetworkManager/dispatcher.d/**',
        'etc/{dhcp/dhclient-*-hooks.d/*,dhcp/dhclient-*-hooks,dhcpcd.enter-hook,dhcpcd.exit-hook}',
        'etc/{ppp/ip-*.d/*,ppp/ip-up,ppp/ip-down,networkd-dispatcher/**}',
        'usr/lib/{dhcpcd/dhcpcd-hooks/*,networkd-dispatcher/**}',
      ],
    },
  },
  {
    id: 'network-setting',
    category: 'network',
    risk: 'medium',
    what: ['setting of the network', 'settings of the network'],
    why: 'The setting decides which networks the host joins, where its connections go through, and what it is called.',
    match: {
      by: 'path',
      paths: [
        'etc/{hostname,HOSTNAME,networks,network/**,netplan/**,NetworkManager/**,sysconfig/network*,sysconfig/network-scripts/**}',
        '{etc,run,usr/lib}/systemd/{network/*,networkd.conf,networkd.conf.d/*}',
        'etc/{dhcp/**,dhcpcd.conf,wpa_supplicant/**,ppp/**,wireguard/**,openvpn/**,ipsec.conf,ipsec.d/**,swanctl/**,proxychains.conf}',
      ],
    },
  },
];
