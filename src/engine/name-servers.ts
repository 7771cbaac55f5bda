/** The host's name servers, for a sandbox in the host's network. */
export const nameServers = '/etc/resolv.conf';
