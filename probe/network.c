/* The host's network, which a sandbox has only with --share-net. */
#define _GNU_SOURCE
#include "probe.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct outcome connect_to_host(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	if (bait->port == 0)
		return untried("no port was named");
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)bait->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return judge(client >= 0 && connect(client, (struct sockaddr *)&address, sizeof address) == 0, "connect");
}

static struct outcome only_loopback(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	struct if_nameindex *interfaces = if_nameindex();
	if (interfaces == NULL)
		return held("no interface: %s", strerror(errno));
	struct outcome outcome = held("only the loopback interface");
	int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (struct if_nameindex *at = interfaces; at->if_index != 0 && outcome.verdict == HELD; at++) {
		struct ifreq request = {0};
		strncpy(request.ifr_name, at->if_name, IFNAMSIZ - 1);
		/* A new namespace has tunnels of the kernel's own that are down and lead nowhere. */
		if (strcmp(at->if_name, "lo") != 0 && ioctl(query, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP))
			outcome = broken("%s is up", at->if_name);
	}
	if_freenameindex(interfaces);
	return outcome;
}

static struct outcome raw_socket(const struct attack *attack, const struct bait *bait)
{
	int raw = socket((int)attack->number, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (raw < 0)
		return judge(0, "socket");
	struct outcome network = only_loopback(attack, bait);
	return network.verdict == HELD ? held("it reaches %s", network.detail) : broken("a raw socket, and %s", network.detail);
}

static struct outcome set_interface(const struct attack *attack, const struct bait *bait)
{
	(void)attack;
	(void)bait;
	int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};
	if (query < 0 || ioctl(query, SIOCGIFMTU, &request) != 0)
		return held("%s", strerror(errno));
	return judge(ioctl(query, SIOCSIFMTU, &request) == 0, "setting the MTU it has");
}

static const struct attack attacks[] = {
	{.id = "connect-to-host", .run = connect_to_host},
	{.id = "interfaces", .run = only_loopback},
	{.id = "raw-socket", .run = raw_socket, .number = AF_INET},
	{.id = "raw-socket-6", .run = raw_socket, .number = AF_INET6},
	{.id = "configure", .run = set_interface},
};
GROUP(network, attacks);
