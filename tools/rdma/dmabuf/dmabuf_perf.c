// SPDX-License-Identifier: GPL-2.0
/*
 * RDMA to and from dma-bufs: does it work here, and how fast?
 *
 * A server and a client, each with a buffer of its own, or with one of each of
 * several kinds. The client writes to the server's buffer and reads from it,
 * verifies the data, and prints a line for each pair. Several pairs take turns:
 * what the machine does meanwhile hits all alike, and so they can be compared.
 * Each has its connection and its protection domain, as it would have alone:
 * RXE treats the QPs of a domain alike that has a dma-buf. So there is ordinary
 * memory of two kinds, "plain", and "mixed", whose domain has a dma-buf, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#define SIZE	0x100000
#define DEPTH	16
#define MAX_BUFS	4
#define BLOCK	32		/* messages until another pair has its turn */
#define ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | \
		 IBV_ACCESS_REMOTE_WRITE)

#define die(fmt, ...) do {						\
	fprintf(stderr, "dmabuf_perf: " fmt "\n", ##__VA_ARGS__);	\
	exit(1);							\
} while (0)

#define die_errno(fmt, ...) die(fmt ": %s", ##__VA_ARGS__, strerror(errno))

/* what the client tells when it connects */
struct request {
	uint32_t nr;		/* of connections there will be */
};

/* what the server tells when it accepts */
struct hello {
	uint64_t iova;
	uint32_t rkey;
	char kind[20];
};

/* a buffer, its connection, and the peer's buffer */
struct buf {
	const char *kind;
	int fd;			/* -1: ordinary memory */
	uint8_t *cpu;
	uint64_t iova;
	struct ibv_mr *mr;
	struct ibv_mr *beside;	/* of a dma-buf, in the same PD, not used */
	struct ibv_pd *pd;
	struct rdma_cm_id *id;
	struct hello peer;
};

static struct {
	char *kinds;
	const char *port;
	size_t size;
	unsigned int count;
	bool header;
} opt = { .port = "7471", .size = 65536, .count = 500 };

static struct buf bufs[MAX_BUFS];
static unsigned int nr_bufs;

/* ---- memory ---- */

static int udmabuf_fd(void)
{
	struct udmabuf_create create = { .size = SIZE };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd;

	create.memfd = memfd_create("dmabuf_perf",
				    MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (dev < 0 || (int)create.memfd < 0 ||
	    ftruncate(create.memfd, SIZE) ||
	    fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		die_errno("/dev/udmabuf");
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (fd < 0)
		die_errno("UDMABUF_CREATE");
	close(create.memfd);
	close(dev);
	return fd;
}

static int heap_fd(const char *name)
{
	struct dma_heap_allocation_data data = {
		.len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	char path[100];
	int dev;

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", name);
	dev = open(path, O_RDWR | O_CLOEXEC);
	if (dev < 0 || ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data))
		die_errno("%s", path);
	close(dev);
	return data.fd;
}

static struct ibv_mr *reg_dmabuf(const struct buf *buf, int fd, uint64_t iova)
{
	struct ibv_mr *mr;

	mr = ibv_reg_dmabuf_mr(buf->pd, 0, SIZE, iova, fd, ACCESS);
	if (!mr && errno == EOPNOTSUPP)
		die("registration of %s: not supported\n"
		    "  (an rdma-core without dma-bufs for this device? try LD_PRELOAD=librxe_dmabuf.so)",
		    buf->kind);
	if (!mr)
		die_errno("registration of %s", buf->kind);
	return mr;
}

static void buf_open(struct buf *buf)
{
	bool mixed = !strcmp(buf->kind, "mixed");
	bool plain = mixed || !strcmp(buf->kind, "plain");
	int fd;

	buf->fd = plain ? -1 : !strcmp(buf->kind, "udmabuf") ? udmabuf_fd() :
		  heap_fd(buf->kind);
	buf->cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			plain ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED,
			buf->fd, 0);
	if (buf->cpu == MAP_FAILED)
		die_errno("mmap of %s", buf->kind);
	buf->iova = (uintptr_t)buf->cpu;
	buf->mr = plain ? ibv_reg_mr(buf->pd, buf->cpu, SIZE, ACCESS) :
		  reg_dmabuf(buf, buf->fd, buf->iova);
	if (!buf->mr)
		die_errno("registration of %s", buf->kind);
	if (!mixed)
		return;
	fd = udmabuf_fd();
	buf->beside = reg_dmabuf(buf, fd, 0);
	close(fd);
}

/* of -m */
static void name_kinds(void)
{
	char *kind;

	for (kind = strtok(opt.kinds, ","); kind; kind = strtok(NULL, ",")) {
		if (nr_bufs == MAX_BUFS)
			die("more than %d kinds of memory", MAX_BUFS);
		bufs[nr_bufs++].kind = kind;
	}
	if (!nr_bufs)
		die("-m names no memory");
}

static void cpu_sync(const struct buf *buf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	if (buf->fd >= 0 && ioctl(buf->fd, DMA_BUF_IOCTL_SYNC, &sync))
		die_errno("DMA_BUF_IOCTL_SYNC");
}

static uint8_t pattern(uint32_t seed, size_t i)
{
	return seed * 131 + i * 7 + (i >> 8) * 3 + (i >> 16) * 5 + 1;
}

static void fill(const struct buf *buf, uint32_t seed, size_t len)
{
	size_t i;

	cpu_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	for (i = 0; i < len; i++)
		buf->cpu[i] = pattern(seed, i);
	cpu_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static void verify(const struct buf *buf, uint32_t seed, size_t offset,
		   size_t len)
{
	size_t i;

	cpu_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	for (i = 0; i < len; i++)
		if (buf->cpu[offset + i] != pattern(seed, i))
			die("%s: byte %zu is %#x, not %#x", buf->kind, i,
			    buf->cpu[offset + i], pattern(seed, i));
	cpu_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

/* ---- connection ---- */

static struct rdma_cm_id *create_ep(const char *node, bool passive)
{
	struct rdma_addrinfo *info, hints = {
		.ai_port_space = RDMA_PS_TCP,
		.ai_flags = passive ? RAI_PASSIVE : 0,
	};
	struct rdma_cm_id *id;

	if (rdma_getaddrinfo(node, opt.port, &hints, &info))
		die_errno("address %s", node ? node : "to listen at");
	if (rdma_create_ep(&id, info, NULL, NULL))
		die_errno("%s: no endpoint", node ? node : "server");
	rdma_freeaddrinfo(info);
	return id;
}

/* all that a connection needs; not the PD that the library would share */
static void open_end(struct buf *buf, struct rdma_cm_id *id)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC, .sq_sig_all = 1,
		.cap = { .max_send_wr = DEPTH, .max_recv_wr = 2,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};

	buf->id = id;
	buf->pd = ibv_alloc_pd(id->verbs);
	if (!buf->pd || rdma_create_qp(id, buf->pd, &init))
		die_errno("no PD or QP");
	buf_open(buf);
}

static void close_end(struct buf *buf)
{
	rdma_disconnect(buf->id);
	if (ibv_dereg_mr(buf->mr) ||
	    (buf->beside && ibv_dereg_mr(buf->beside)))
		die("dereg_mr");
	rdma_destroy_qp(buf->id);
	if (ibv_dealloc_pd(buf->pd))
		die("dealloc_pd");
	rdma_destroy_ep(buf->id);
}

static void poll_one(struct ibv_cq *cq, struct ibv_wc *wc)
{
	int n;

	do {
		n = ibv_poll_cq(cq, 1, wc);
	} while (!n);
	if (n < 0 || wc->status != IBV_WC_SUCCESS)
		die("%s", n < 0 ? "poll_cq" : ibv_wc_status_str(wc->status));
}

/* the next connection is for this buffer; how many the client will make */
static unsigned int accept_one(struct rdma_cm_id *listen, struct buf *buf)
{
	struct rdma_conn_param param = {
		.responder_resources = DEPTH, .initiator_depth = DEPTH,
	};
	struct ibv_recv_wr *bad, wr = {};
	struct request request = {};
	struct hello hello = {};
	struct rdma_cm_id *id;

	if (rdma_get_request(listen, &id))
		die_errno("listen");
	if (id->event->param.conn.private_data_len >= sizeof(request))
		memcpy(&request, id->event->param.conn.private_data,
		       sizeof(request));
	if (!request.nr || request.nr > nr_bufs) {
		rdma_reject(id, NULL, 0);
		die("the client has %u kinds of memory, not %u", request.nr,
		    nr_bufs);
	}
	open_end(buf, id);
	hello.iova = buf->iova;
	hello.rkey = buf->mr->rkey;
	snprintf(hello.kind, sizeof(hello.kind), "%s", buf->kind);
	param.private_data = &hello;
	param.private_data_len = sizeof(hello);
	if (ibv_post_recv(id->qp, &wr, &bad) || rdma_accept(id, &param))
		die_errno("accept");
	return request.nr;
}

static void serve(const char *node)
{
	struct rdma_cm_id *listen = create_ep(node, true);
	struct ibv_wc wc;
	unsigned int i;

	if (rdma_listen(listen, MAX_BUFS))
		die_errno("listen");
	nr_bufs = accept_one(listen, &bufs[0]);
	for (i = 1; i < nr_bufs; i++)
		accept_one(listen, &bufs[i]);

	/* an empty message with the seed says: all is written */
	for (i = 0; i < nr_bufs; i++) {
		poll_one(bufs[i].id->recv_cq, &wc);
		verify(&bufs[i], ntohl(wc.imm_data), 0, opt.size);
	}
	for (i = 0; i < nr_bufs; i++)
		close_end(&bufs[i]);
	rdma_destroy_ep(listen);
}

static void connect_one(struct buf *buf, const char *node)
{
	struct request request = { .nr = nr_bufs };
	struct rdma_conn_param param = {
		.responder_resources = DEPTH, .initiator_depth = DEPTH,
		.retry_count = 7, .rnr_retry_count = 7,
		.private_data = &request, .private_data_len = sizeof(request),
	};
	const struct rdma_conn_param *conn;

	open_end(buf, create_ep(node, false));
	if (rdma_connect(buf->id, &param))
		die_errno("%s: connect", node);
	conn = &buf->id->event->param.conn;
	/* the CM pads what it carries with zeros */
	if (conn->private_data_len < sizeof(buf->peer))
		die("%s is no dmabuf_perf", node);
	memcpy(&buf->peer, conn->private_data, sizeof(buf->peer));
	buf->peer.kind[sizeof(buf->peer.kind) - 1] = 0;
	if (!buf->peer.iova)
		die("%s is no dmabuf_perf", node);
}

/* ---- measurements ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void post(const struct buf *buf, enum ibv_wr_opcode op, size_t offset,
		 size_t len)
{
	struct ibv_sge sge = {
		.addr = buf->iova + offset, .length = len,
		.lkey = buf->mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = op,
		.wr.rdma.remote_addr = buf->peer.iova,
		.wr.rdma.rkey = buf->peer.rkey,
	};

	if (ibv_post_send(buf->id->qp, &wr, &bad))
		die("post_send");
}

static int compare(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), compare);
	return values[nr / 2];
}

/* one message of 8 bytes, in us */
static double one_latency(const struct buf *buf, enum ibv_wr_opcode op)
{
	struct ibv_wc wc;
	double start;

	start = now();
	post(buf, op, SIZE / 2, 8);
	poll_one(buf->id->send_cq, &wc);
	return now() - start;
}

/* a block of messages, in MiB/s */
static double one_bandwidth(const struct buf *buf, enum ibv_wr_opcode op)
{
	unsigned int count = opt.count < BLOCK ? opt.count : BLOCK;
	unsigned int posted, done;
	struct ibv_wc wc;
	double start;

	start = now();
	for (posted = done = 0; done < count; done++) {
		while (posted < count && posted - done < DEPTH / 2) {
			post(buf, op, op == IBV_WR_RDMA_READ ? SIZE / 2 : 0,
			     opt.size);
			posted++;
		}
		poll_one(buf->id->send_cq, &wc);
	}
	return count * (opt.size / 1048576.0) / ((now() - start) / 1e6);
}

/* Medians; each turn begins with another pair. */
static void take_turns(unsigned int turns,
		       double (*one)(const struct buf *buf,
				     enum ibv_wr_opcode op),
		       enum ibv_wr_opcode op, double *result)
{
	double *got[MAX_BUFS];
	unsigned int turn, n, i;

	for (i = 0; i < nr_bufs; i++) {
		got[i] = calloc(turns, sizeof(**got));
		if (!got[i])
			die_errno("memory");
	}
	for (turn = 0; turn < turns; turn++) {
		for (n = 0; n < nr_bufs; n++) {
			i = (turn + n) % nr_bufs;
			got[i][turn] = one(&bufs[i], op);
		}
	}
	for (i = 0; i < nr_bufs; i++) {
		result[i] = median(got[i], turns);
		free(got[i]);
	}
}

static void finish(const struct buf *buf, uint32_t seed)
{
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_SEND_WITH_IMM, .imm_data = htonl(seed),
	};
	struct ibv_wc wc;

	if (ibv_post_send(buf->id->qp, &wr, &bad))
		die("post_send");
	poll_one(buf->id->send_cq, &wc);
}

static void client(const char *node)
{
	unsigned int blocks = (opt.count + BLOCK - 1) / BLOCK, i;
	double lat[2][MAX_BUFS], bw[2][MAX_BUFS];
	uint32_t seed = getpid();

	for (i = 0; i < nr_bufs; i++)
		connect_one(&bufs[i], node);

	take_turns(opt.count, one_latency, IBV_WR_RDMA_WRITE, lat[0]);
	take_turns(opt.count, one_latency, IBV_WR_RDMA_READ, lat[1]);
	for (i = 0; i < nr_bufs; i++)
		fill(&bufs[i], seed + i, opt.size);
	take_turns(blocks, one_bandwidth, IBV_WR_RDMA_WRITE, bw[0]);
	take_turns(blocks, one_bandwidth, IBV_WR_RDMA_READ, bw[1]);
	for (i = 0; i < nr_bufs; i++) {
		verify(&bufs[i], seed + i, SIZE / 2, opt.size);
		finish(&bufs[i], seed + i);
	}
	if (opt.header)
		printf("%-10s %-10s %10s %10s %12s %12s  data\n", "from", "to",
		       "write, us", "read, us", "write, MiB/s",
		       "read, MiB/s");
	for (i = 0; i < nr_bufs; i++)
		printf("%-10s %-10s %10.2f %10.2f %12.2f %12.2f  ok\n",
		       bufs[i].kind, bufs[i].peer.kind, lat[0][i], lat[1][i],
		       bw[0][i], bw[1][i]);
	for (i = 0; i < nr_bufs; i++)
		close_end(&bufs[i]);
}

static void show_help(FILE *to)
{
	fputs("usage: dmabuf_perf [options] -l [ADDRESS]   server, for one client\n"
	      "       dmabuf_perf [options] ADDRESS        client\n"
	      "  -m MEMORY  udmabuf (the default), the name of a DMA heap, plain, or mixed\n"
	      "             (plain, and a dma-buf in the same PD); or several, with\n"
	      "             commas, which take turns\n"
	      "  -s BYTES   of a message for bandwidth and verification (65536)\n"
	      "  -n COUNT   of messages (500)\n"
	      "  -p PORT    (7471)\n"
	      "  -H         print a header\n", to);
	exit(to == stderr);
}

static unsigned long parse_num(const char *text, unsigned long max)
{
	unsigned long val;
	char *end;

	errno = 0;
	val = strtoul(text, &end, 10);
	if (errno || end == text || *end || !val || val > max)
		die("bad number '%s'", text);
	return val;
}

int main(int argc, char **argv)
{
	char standard[] = "udmabuf";
	bool server = false;
	int c;

	opt.kinds = standard;
	while ((c = getopt(argc, argv, "lm:s:n:p:Hh")) != -1) {
		switch (c) {
		case 'l':
			server = true;
			break;
		case 'm':
			opt.kinds = optarg;
			break;
		case 's':
			opt.size = parse_num(optarg, SIZE / 2);
			break;
		case 'n':
			opt.count = parse_num(optarg, 10000000);
			break;
		case 'p':
			opt.port = optarg;
			break;
		case 'H':
			opt.header = true;
			break;
		default:
			show_help(c == 'h' ? stdout : stderr);
		}
	}
	name_kinds();
	if (server)
		serve(argv[optind]);
	else if (argc - optind == 1)
		client(argv[optind]);
	else
		show_help(stderr);
	return 0;
}
