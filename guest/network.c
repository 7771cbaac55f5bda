/* Network cards, their addresses and routes, by rtnetlink(7). */
#include "init.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <time.h>

struct request {
  struct nlmsghdr header;
  union {
    struct ifinfomsg card;
    struct ifaddrmsg address;
    struct rtmsg route;
  } body;
  uint8_t attributes[128];
};

static void add_attribute(struct request *request, unsigned short type, const void *value, size_t length) {
  struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(length), .rta_type = type};
  uint8_t *at = (uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len);
  memcpy(at, &attribute, sizeof attribute);
  memcpy(at + RTA_LENGTH(0), value, length);
  request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute.rta_len));
}

/* The kernel's answer is an errno. */
static bool ask(struct request *request) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    uint8_t rest[sizeof *request];
  } answer;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return false;
  request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  bool heard = send(fd, request, request->header.nlmsg_len, 0) >= 0 && recv(fd, &answer, sizeof answer, 0) >= (ssize_t)(NLMSG_LENGTH(sizeof(int)));
  close(fd);
  if (heard) errno = -answer.error.error;
  return heard && errno == 0;
}

static struct request begin(unsigned short type, unsigned short flags, size_t length) {
  return (struct request){.header = {.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_len = (uint32_t)NLMSG_LENGTH(length)}};
}

/* The kind of an address, whose bytes become `bytes`; 0: it is none. */
static unsigned char read_address(const char *text, uint8_t bytes[16], size_t *length) {
  unsigned char kind = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
  *length = kind == AF_INET ? 4 : 16;
  return inet_pton(kind, text, bytes) == 1 ? kind : 0;
}

/* What is sent before is lost; the kernel sees the other end a moment later. Loopback has none, and says so. */
static bool await_carrier(const char *name) {
  char path[64], state[16] = "down";
  snprintf(path, sizeof path, "/sys/class/net/%s/operstate", name);
  for (int64_t until = now_ms() + 2000; strncmp(state, "down", 4) == 0 && now_ms() < until;) {
    read_text(path, state, sizeof state);
    if (strncmp(state, "down", 4) == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  return true;
}

/* It is to have the addresses and routes that it was given, and no others. */
static void refuse_advertisements(const char *name) {
  char path[96];
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file >= 0 && write(file, "0", 1) < 0) errno = 0;
  close_quietly(file);
}

bool prepare_card(const struct frame *frame) {
  const char *parts[1];
  if (!read_strings(frame, parts, 1)) return false;
  if (strcmp(parts[0], "lo") != 0 && !modules_load("network")) return false;
  refuse_advertisements(parts[0]);
  struct request request = begin(RTM_NEWLINK, 0, sizeof request.body.card);
  request.body.card = (struct ifinfomsg){.ifi_index = (int)if_nametoindex(parts[0]), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  return request.body.card.ifi_index > 0 && ask(&request) && await_carrier(parts[0]);
}

bool prepare_address(const struct frame *frame) {
  const char *parts[4];
  uint8_t bytes[16], broadcast[16];
  size_t length;
  if (!read_strings(frame, parts, 4)) return false;
  struct request request = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof request.body.address);
  request.body.address = (struct ifaddrmsg){
      .ifa_family = read_address(parts[1], bytes, &length),
      .ifa_prefixlen = (unsigned char)strtoul(parts[2], NULL, 10),
      .ifa_flags = IFA_F_NODAD, /* nobody else is there */
      .ifa_index = if_nametoindex(parts[0]),
  };
  if (request.body.address.ifa_family == 0) return errno = EINVAL, false;
  add_attribute(&request, IFA_LOCAL, bytes, length);
  add_attribute(&request, IFA_ADDRESS, bytes, length);
  if (*parts[3] != 0 && read_address(parts[3], broadcast, &length) == AF_INET) add_attribute(&request, IFA_BROADCAST, broadcast, length);
  return ask(&request);
}

bool prepare_route(const struct frame *frame) {
  const char *parts[4];
  uint8_t bytes[16], gateway[16];
  size_t length;
  if (!read_strings(frame, parts, 4)) return false;
  struct request request = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof request.body.route);
  uint32_t card = if_nametoindex(parts[0]);
  request.body.route = (struct rtmsg){
      .rtm_family = read_address(parts[1], bytes, &length),
      .rtm_dst_len = (unsigned char)strtoul(parts[2], NULL, 10),
      .rtm_table = RT_TABLE_MAIN,
      .rtm_protocol = RTPROT_STATIC,
      .rtm_scope = RT_SCOPE_UNIVERSE,
      .rtm_type = RTN_UNICAST,
  };
  if (request.body.route.rtm_family == 0 || read_address(parts[3], gateway, &length) == 0) return errno = EINVAL, false;
  if (request.body.route.rtm_dst_len > 0) add_attribute(&request, RTA_DST, bytes, length);
  add_attribute(&request, RTA_GATEWAY, gateway, length);
  add_attribute(&request, RTA_OIF, &card, sizeof card);
  return ask(&request);
}
