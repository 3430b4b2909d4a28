// SPDX-License-Identifier: GPL-2.0
/*
 * Sends hostile RoCEv2 frames: made up, or seen on the netdev and changed; with
 * the right ICRC or a wrong one; cut, fragmented, and as GSO.
 *
 * The frames follow from the seed, except for what they were made of: the live
 * ones. At its end it prints a line of JSON.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include "rxe_fuzz.h"

#define ROCE_PORT	4791
#define BATCH		64
#define FRAME_MAX	4200
#define NR_TEMPLATES	128
#define ETH		14
#define BTH		12
#define ICRC		4
#define VNET		((int)sizeof(struct virtio_net_hdr))

/* What is written to a device with a header for offloads is vnet and data. */
struct frame {
	int len;
	uint8_t vnet[sizeof(struct virtio_net_hdr)];
	uint8_t data[FRAME_MAX];
};

/* Where a frame comes from and goes to. */
struct way {
	uint8_t mac[6];
	uint8_t src4[4], dst4[4], src6[16], dst6[16];
};

/* By the netdev to the peer; by the TAP device to ourselves. */
static struct way out, back;

static struct {
	uint64_t seed;
	unsigned int seconds;
	unsigned int rate;		/* frames a second */
	const char *tap;
	bool no_icrc, no_gso;
	const char *dev;
} opt = { .seconds = 10, .rate = 10000 };

static struct frame templates[NR_TEMPLATES];
static unsigned long frames, gso_frames, tap_frames, seen, good_icrc, errors;
static int plain_fd = -1, gso_fd = -1, tap_fd = -1;
static uint32_t crc_table[256];
static sig_atomic_t stopped;

/* ---- checksums ---- */

static void crc_init(void)
{
	uint32_t crc;
	int i, bit;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		crc_table[i] = crc;
	}
}

static uint32_t crc_add(uint32_t crc, const uint8_t *p, int len)
{
	while (len-- > 0)
		crc = crc >> 8 ^ crc_table[(crc ^ *p++) & 0xff];
	return crc;
}

static uint16_t ip_csum(const uint8_t *p, int len)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static bool is_v6(const struct frame *f)
{
	return f->data[12] == 0x86;
}

static int ip_len(const struct frame *f)
{
	return is_v6(f) ? 40 : 20;
}

static int bth_at(const struct frame *f)
{
	return ETH + ip_len(f) + 8;
}

/* Over all that does not change on the way; what does counts as ones. */
static void set_icrc(struct frame *f)
{
	int ip = ip_len(f), bth = bth_at(f), end = f->len - ICRC;
	uint8_t head[8 + 40 + 8 + BTH];
	uint32_t crc;

	if (end < bth + BTH)
		return;
	memset(head, 0xff, 8);
	memcpy(head + 8, f->data + ETH, ip + 8 + BTH);
	if (is_v6(f)) {
		head[8] |= 0x0f;
		memset(head + 9, 0xff, 3);
		head[8 + 7] = 0xff;
	} else {
		head[8 + 1] = 0xff;
		head[8 + 8] = 0xff;
		memset(head + 8 + 10, 0xff, 2);
	}
	memset(head + 8 + ip + 6, 0xff, 2);
	head[8 + ip + 8 + 4] = 0xff;
	crc = crc_add(~0u, head, 8 + ip + 8 + BTH);
	crc = ~crc_add(crc, f->data + bth + BTH, end - bth - BTH);
	memcpy(f->data + end, &crc, ICRC);
	good_icrc++;
}

/* Lengths and IP's checksum as they ought to be. */
static void set_lengths(struct frame *f)
{
	uint8_t *ip = f->data + ETH, *udp = ip + ip_len(f);
	int len = f->len - ETH;

	if (f->len < bth_at(f))
		return;
	put16(udp + 4, len - ip_len(f));
	put16(udp + 6, 0);
	if (is_v6(f)) {
		put16(ip + 4, len - 40);
		return;
	}
	put16(ip + 2, len);
	put16(ip + 10, 0);
	put16(ip + 10, ip_csum(ip, 20));
}

/* ---- frames ---- */

static void set_addresses(struct frame *f, const struct way *way)
{
	memcpy(f->data, way->mac, 6);
	if (is_v6(f)) {
		memcpy(f->data + ETH + 8, way->src6, 16);
		memcpy(f->data + ETH + 24, way->dst6, 16);
	} else {
		memcpy(f->data + ETH + 12, way->src4, 4);
		memcpy(f->data + ETH + 16, way->dst4, 4);
	}
}

static void set_headers(struct rng *r, struct frame *f, bool v6)
{
	uint8_t *ip = f->data + ETH;

	memset(f->data, 0, ETH + 40 + 8);
	f->data[6] = 2;
	put16(f->data + 12, v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6) {
		ip[0] = 0x60;
		ip[6] = IPPROTO_UDP;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		put16(ip + 4, rng_next(r));
		ip[6] = 0x40;
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
	}
	put16(ip + ip_len(f), 0xc000 | rng_below(r, 0x4000));
	put16(ip + ip_len(f) + 2, ROCE_PORT);
}

static uint8_t some_opcode(struct rng *r)
{
	static const uint8_t types[] = { 0x00, 0x20, 0x60, 0x80, 0xc0 };

	if (one_of(r, 4))
		return rng_next(r);
	return types[one_of(r, 2) ? 0 : rng_below(r, ARRAY_SIZE(types))] |
	       rng_below(r, 0x18);
}

/* Those that exist are small: an index from 16 on. */
static uint32_t some_qpn(struct rng *r)
{
	return one_of(r, 8) ? odd_u32(r) : rng_below(r, 600);
}

static void make_up(struct rng *r, struct frame *f)
{
	uint8_t *bth;
	int i, body;

	set_headers(r, f, one_of(r, 3));
	bth = f->data + bth_at(f);
	bth[0] = some_opcode(r);
	bth[1] = one_of(r, 2) ? 0x40 : rng_next(r);
	put16(bth + 2, 0xffff);
	bth[4] = 0;
	bth[5] = some_qpn(r) >> 16;
	put16(bth + 6, some_qpn(r));
	bth[8] = rng_next(r);
	bth[9] = one_of(r, 2) ? 0 : rng_next(r);
	put16(bth + 10, one_of(r, 2) ? rng_below(r, 64) : rng_next(r));
	body = rng_below(r, one_of(r, 8) ? 1400 : 80);
	for (i = 0; i < body; i++)
		bth[BTH + i] = rng_next(r);
	f->len = bth_at(f) + BTH + body + ICRC;
}

static void change_bth(struct rng *r, struct frame *f)
{
	uint8_t *bth = f->data + bth_at(f);
	uint32_t n;

	switch (rng_below(r, 6)) {
	case 0:
		bth[0] = some_opcode(r);
		break;
	case 1:
		bth[1] = rng_next(r);
		break;
	case 2:
		n = some_qpn(r);
		bth[5] = n >> 16;
		put16(bth + 6, n);
		break;
	case 3:		/* a PSN nearby */
		n = (bth[9] << 16 | bth[10] << 8 | bth[11]) +
		    rng_below(r, 40) - 20;
		bth[9] = n >> 16;
		put16(bth + 10, n);
		break;
	case 4:
		bth[8] = rng_next(r);
		break;
	default:	/* what is behind it: RETH, AETH, payload */
		bth[BTH + rng_below(r, 16)] = rng_next(r);
	}
}

static void cut_or_grow(struct rng *r, struct frame *f)
{
	int len = ETH + rng_below(r, one_of(r, 2) ? 120 : 1500);

	if (len > f->len)
		memset(f->data + f->len, 0x5a, len - f->len);
	f->len = len;
}

static void change_ip(struct rng *r, struct frame *f)
{
	uint8_t *ip = f->data + ETH;

	if (one_of(r, 2) && !is_v6(f))
		put16(ip + 6, one_of(r, 2) ? 0x2000 : rng_next(r));
	else
		ip[rng_below(r, ip_len(f) + 8)] = rng_next(r);
}

/* Bytes 0 to 11 of a frame stay: another MAC address is no news. */
static void change(struct rng *r, struct frame *f)
{
	int n = 1 + rng_below(r, 3);

	while (n--) {
		switch (rng_below(r, 8)) {
		case 0:
			cut_or_grow(r, f);
			break;
		case 1:
			f->data[ETH + rng_below(r, f->len - ETH)] = rng_next(r);
			break;
		default:
			change_bth(r, f);
		}
	}
}

static void finish(struct rng *r, struct frame *f)
{
	if (!one_of(r, 8))
		set_lengths(f);
	if (!opt.no_icrc && !one_of(r, 4))
		set_icrc(f);
	if (!one_of(r, 8))
		return;
	change_ip(r, f);
	if (one_of(r, 2) && !is_v6(f)) {
		put16(f->data + ETH + 10, 0);
		put16(f->data + ETH + 10, ip_csum(f->data + ETH, 20));
	}
}

static void make(struct rng *r, struct frame *f, const struct way *way)
{
	struct frame *t = &templates[rng_below(r, NR_TEMPLATES)];

	memset(f->vnet, 0, sizeof(f->vnet));
	if (!t->len || one_of(r, 3)) {
		make_up(r, f);
		if (one_of(r, 4))
			change(r, f);
	} else {
		f->len = t->len;
		memcpy(f->data, t->data, t->len);
		if (!one_of(r, 16))	/* else once more, as it was */
			change(r, f);
	}
	set_addresses(f, way);
	finish(r, f);
	if (f->len < ETH + 1)
		f->len = ETH + 1;
}

/* Several in one, or what claims to be. */
static void make_gso(struct rng *r, struct frame *f)
{
	static const uint8_t types[] = {
		VIRTIO_NET_HDR_GSO_UDP_L4, VIRTIO_NET_HDR_GSO_UDP_L4,
		VIRTIO_NET_HDR_GSO_UDP, VIRTIO_NET_HDR_GSO_TCPV4,
		VIRTIO_NET_HDR_GSO_TCPV6,
	};
	struct virtio_net_hdr *h = (struct virtio_net_hdr *)f->vnet;
	int grow = rng_below(r, FRAME_MAX - f->len);

	memset(f->data + f->len, 0x5a, grow);
	f->len += grow;
	set_lengths(f);
	h->flags = one_of(r, 8) ? rng_next(r) : VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->gso_type = one_of(r, 8) ? rng_next(r) :
		      types[rng_below(r, ARRAY_SIZE(types))];
	h->hdr_len = bth_at(f);
	h->gso_size = one_of(r, 8) ? rng_next(r) : 1 + rng_below(r, 1400);
	h->csum_start = ETH + ip_len(f);
	h->csum_offset = 6;
}

/* ---- live frames ---- */

static bool is_roce(const uint8_t *p, int len)
{
	const uint8_t *ip = p + ETH;

	if (len < ETH + 40 + 8 + BTH)
		return false;
	if (p[12] == 0x08 && p[13] == 0x00)
		return ip[0] == 0x45 && ip[9] == IPPROTO_UDP &&
		       (ip[22] << 8 | ip[23]) == ROCE_PORT;
	return p[12] == 0x86 && p[13] == 0xdd && ip[6] == IPPROTO_UDP &&
	       (ip[42] << 8 | ip[43]) == ROCE_PORT;
}

/* A few a batch; what the other end's fuzzer sends comes by here, too. */
static void look(struct rng *r)
{
	struct frame *t;
	int n, len;

	for (n = 0; n < 16; n++) {
		t = &templates[rng_below(r, NR_TEMPLATES)];
		len = recv(plain_fd, t->data, sizeof(t->data), MSG_DONTWAIT);
		if (len < 0)
			return;
		t->len = is_roce(t->data, len) ? len : 0;
		seen += !!t->len;
	}
}

/* ---- sending ---- */

static int packet_socket(bool vnet)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die_errno("packet socket");
	if (vnet && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one,
			       sizeof(one)))
		die_errno("PACKET_VNET_HDR");
	return fd;
}

/* The netdev may be down, in another namespace, or gone and back. */
static bool bind_to(int fd, int protocol)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(opt.dev),
	};

	return ll.sll_ifindex && !bind(fd, (struct sockaddr *)&ll, sizeof(ll));
}

static void bind_again(void)
{
	errors++;
	usleep(20000);
	bind_to(plain_fd, ETH_P_ALL);
	bind_to(gso_fd, 0);
}

static void send_plain(struct frame *batch)
{
	struct mmsghdr msgs[BATCH] = {};
	struct iovec iov[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = batch[i].data;
		iov[i].iov_len = batch[i].len;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < BATCH && !stopped; i += n) {
		n = sendmmsg(plain_fd, msgs + i, BATCH - i, 0);
		if (n > 0) {
			frames += n;
		} else {
			/* too long, no buffer: the next one may be all right */
			n = 1;
			if (errno != EMSGSIZE && errno != ENOBUFS &&
			    errno != EINVAL) {
				bind_again();
				return;
			}
		}
	}
}

static void send_gso(struct rng *r, struct frame *f)
{
	make_gso(r, f);
	if (send(gso_fd, f->vnet, VNET + f->len, 0) > 0)
		gso_frames++;
	else if (errno == ENXIO || errno == ENETDOWN)
		bind_again();
}

static void write_tap(struct rng *r, struct frame *f)
{
	if (!opt.no_gso && one_of(r, 4))
		make_gso(r, f);
	if (write(tap_fd, f->vnet, VNET + f->len) > 0)
		tap_frames++;
}

static void send_batch(struct rng *r)
{
	static struct frame batch[BATCH];
	int i;

	for (i = 0; i < BATCH; i++)
		make(r, &batch[i], &out);
	send_plain(batch);
	for (i = 0; i < 8 && !opt.no_gso; i++)
		send_gso(r, &batch[i]);
	for (i = 0; i < 16 && tap_fd >= 0; i++) {
		make(r, &batch[i], &back);
		write_tap(r, &batch[i]);
	}
}

/* Addresses of the netdev, the other way round. */
static void set_back(void)
{
	memcpy(back.src4, out.dst4, 4);
	memcpy(back.dst4, out.src4, 4);
	memcpy(back.src6, out.dst6, 16);
	memcpy(back.dst6, out.src6, 16);
}

/* What is written to the device arrives at its netdev. */
static void open_tap(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (!opt.tap)
		return;
	tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", opt.tap);
	if (tap_fd < 0 || ioctl(tap_fd, TUNSETIFF, &ifr))
		die_errno("/dev/net/tun");
	if (ioctl(tap_fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6))
		die_errno("TUNSETOFFLOAD");
	if (ioctl(plain_fd, SIOCGIFHWADDR, &ifr))
		die_errno("%s", opt.tap);
	memcpy(back.mac, ifr.ifr_hwaddr.sa_data, 6);
	ifr.ifr_flags = IFF_UP;
	if (ioctl(plain_fd, SIOCSIFFLAGS, &ifr))
		die_errno("%s: up", opt.tap);
	set_back();
}

static void run(void)
{
	struct rng r = { .state = opt.seed };
	uint64_t start = now_ms(), end = start + opt.seconds * 1000ull, due;

	while (!stopped && now_ms() < end) {
		look(&r);
		send_batch(&r);
		due = start + frames * 1000ull / opt.rate;
		if (now_ms() < due)
			usleep((due - now_ms()) * 1000);
		else	/* what was lost is not made up for in a burst */
			start = now_ms() - frames * 1000ull / opt.rate;
	}
}

/* ---- the command line ---- */

static void show_help(void)
{
	fputs("usage: rxe_fuzz_frames [options] NETDEV MAC SRC DST SRC6 DST6\n"
	      "  --seed N      of the frames\n"
	      "  --seconds N   how long (10)\n"
	      "  --rate N      frames a second (10000)\n"
	      "  --tap NAME    make a TAP device, and write to it as well\n"
	      "  --no-icrc     never the right ICRC\n"
	      "  --no-gso      no GSO\n", stderr);
	exit(1);
}

static void parse_args(char **arg)
{
	uint8_t *m = out.mac;

	opt.dev = arg[0];
	if (sscanf(arg[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2,
		   m + 3, m + 4, m + 5) != 6 ||
	    inet_pton(AF_INET, arg[2], out.src4) != 1 ||
	    inet_pton(AF_INET, arg[3], out.dst4) != 1 ||
	    inet_pton(AF_INET6, arg[4], out.src6) != 1 ||
	    inet_pton(AF_INET6, arg[5], out.dst6) != 1)
		show_help();
}

static void parse(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--no-icrc"))
			opt.no_icrc = true;
		else if (!strcmp(argv[i], "--no-gso"))
			opt.no_gso = true;
		else if (i + 1 == argc)
			show_help();
		else if (!strcmp(argv[i], "--seed"))
			opt.seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--seconds"))
			opt.seconds = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--rate"))
			opt.rate = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--tap"))
			opt.tap = argv[++i];
		else
			show_help();
	}
	if (argc - i != 6 || !opt.rate)
		show_help();
	parse_args(argv + i);
}

static void on_stop(int sig)
{
	stopped = sig;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	crc_init();
	plain_fd = packet_socket(false);
	gso_fd = packet_socket(true);
	if (!bind_to(plain_fd, ETH_P_ALL) || !bind_to(gso_fd, 0))
		die_errno("%s", opt.dev);
	open_tap();
	puts("ready");
	fflush(stdout);
	run();
	printf("{\"frames\": %lu, \"gso_frames\": %lu, \"tap_frames\": %lu, ",
	       frames + gso_frames + tap_frames, gso_frames, tap_frames);
	printf("\"good_icrc\": %lu, \"live_frames_seen\": %lu, ", good_icrc,
	       seen);
	printf("\"errors\": %lu}\n", errors);
	return 0;
}
