// SPDX-License-Identifier: GPL-2.0
/*
 * Attach a BPF program that counts RoCEv2 frames, and drops all of them or one
 * of each N, or damages that one, to one hook of a netdev; or one that sends all
 * frames to another netdev; or one before all others that lets all frames pass, so
 * that no other program sees them. The programs are written as instructions, so that the
 * test needs neither clang nor libbpf.
 *
 * Says "ready" once attached; on SIGTERM detaches and says what it saw.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define ROCE_PORT	4791
#define VERDICT_NEXT	-1	/* TCX_NEXT and NETKIT_NEXT */
#define VERDICT_PASS	0	/* TCX_PASS: no program after this one is asked */
#define VERDICT_DROP	2	/* TCX_DROP and NETKIT_DROP */

#define INSN(c, d, s, o, i) ((struct bpf_insn) {			\
	.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_REG(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define MUL32_IMM(d, i)	INSN(BPF_ALU | BPF_MUL | BPF_K, d, 0, 0, i)
#define DIV_IMM(d, i)	INSN(BPF_ALU64 | BPF_DIV | BPF_K, d, 0, 0, i)
#define MOD_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOD | BPF_K, d, 0, 0, i)
#define RSH_IMM(d, i)	INSN(BPF_ALU64 | BPF_RSH | BPF_K, d, 0, 0, i)
#define LOAD(size, o)	INSN(BPF_LD | BPF_ABS | (size), 0, 0, 0, o)
#define JEQ(d, i, o)	INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define JNE(d, i, o)	INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define JNE_REG(d, s, o) INSN(BPF_JMP | BPF_JNE | BPF_X, d, s, o, 0)
#define JA(o)		INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define EXIT		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static const struct {
	const char *name;
	int type;
} hooks[] = {
	{ "tcx-ingress", BPF_TCX_INGRESS },
	{ "tcx-egress", BPF_TCX_EGRESS },
	{ "netkit-primary", BPF_NETKIT_PRIMARY },
	{ "netkit-peer", BPF_NETKIT_PEER },
};

static void die(const char *what)
{
	fprintf(stderr, "rxe_bpf: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		die("map");
	return fd;
}

static int load_insns(const struct bpf_insn *insns, unsigned int nr)
{
	static char log[16384];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)insns,
		.insn_cnt = nr,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0) {
		fputs(log, stderr);
		die("program");
	}
	return fd;
}

/* Drop, or damage a byte of, one of each @nth RoCE frames; 0: only count. Which
 * one differs: a sender whose rounds of retransmission were a multiple of @nth
 * frames would lose the first of them for ever. dropped_of() has it in C.
 */
#define SCATTER	0x9e3779b1u

/* Behind the BTH, of IPv4 and of IPv6 */
#define DAMAGE_AT	78

static int load(int map, int nth, bool damage)
{
	struct bpf_insn prog[] = {
		/*  0 */ MOV_REG(6, 1),
		/*  1 */ LOAD(BPF_H, 12),		/* EtherType */
		/*  2 */ JEQ(0, 0x0800, 2),
		/*  3 */ JEQ(0, 0x86dd, 5),
		/*  4 */ JA(29),
		/*  5 */ LOAD(BPF_B, 14 + 9),		/* IPv4 protocol */
		/*  6 */ JNE(0, 17, 27),
		/*  7 */ LOAD(BPF_H, 14 + 20 + 2),	/* UDP destination */
		/*  8 */ JA(3),
		/*  9 */ LOAD(BPF_B, 14 + 6),		/* IPv6 next header */
		/* 10 */ JNE(0, 17, 23),
		/* 11 */ LOAD(BPF_H, 14 + 40 + 2),
		/* 12 */ JNE(0, ROCE_PORT, 21),
		/* 13 */ INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		/* 14 */ MOV_REG(2, 10),
		/* 15 */ ADD_IMM(2, -4),
		/* 16 */ INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD,
			      0, map),
		/* 17 */ INSN(0, 0, 0, 0, 0),
		/* 18 */ INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
			      BPF_FUNC_map_lookup_elem),
		/* 19 */ JEQ(0, 0, 14),
		/* 20 */ MOV_IMM(1, 1),
		/* 21 */ INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0,
			      BPF_ADD | BPF_FETCH),
		/* 22 */ MOV_REG(2, 1),
		/* 23 */ DIV_IMM(2, nth ? nth : 1),
		/* 24 */ MUL32_IMM(2, SCATTER),
		/* 25 */ RSH_IMM(2, 16),
		/* 26 */ MOD_IMM(2, nth ? nth : 1),
		/* 27 */ ADD_IMM(2, !nth),		/* 1 is never 0 */
		/* 28 */ MOD_IMM(1, nth ? nth : 1),
		/* 29 */ JNE_REG(1, 2, 4),
		/* 30 */ MOV_IMM(3, damage),
		/* 31 */ JNE(3, 0, 4),
		/* 32 */ MOV_IMM(0, VERDICT_DROP),
		/* 33 */ EXIT,
		/* 34 */ MOV_IMM(0, VERDICT_NEXT),
		/* 35 */ EXIT,
		/* 36 */ INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0x5a),
		/* 37 */ MOV_REG(1, 6),
		/* 38 */ MOV_IMM(2, DAMAGE_AT),
		/* 39 */ MOV_REG(3, 10),
		/* 40 */ ADD_IMM(3, -8),
		/* 41 */ MOV_IMM(4, 1),
		/* 42 */ MOV_IMM(5, 0),
		/* 43 */ INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
			      BPF_FUNC_skb_store_bytes),
		/* 44 */ JA(-11),
	};

	return load_insns(prog, ARRAY_SIZE(prog));
}

/* To @dev, or to the peer of @dev in its namespace. */
static int load_redirect(const char *dev, int helper)
{
	struct bpf_insn prog[] = {
		MOV_IMM(1, if_nametoindex(dev)),
		MOV_IMM(2, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper),
		EXIT,
	};

	if (!prog[0].imm)
		die(dev);
	return load_insns(prog, ARRAY_SIZE(prog));
}

/* To the peer of @dev in its namespace what is for one IPv4 address: datagrams,
 * and ARP that asks for it. @to is "DEV,ADDRESS".
 */
static int load_redirect_addr(char *to)
{
	char *comma = strchr(to, ',');
	struct in_addr addr;
	struct bpf_insn prog[] = {
		/*  0 */ MOV_REG(6, 1),
		/*  1 */ LOAD(BPF_H, 12),		/* EtherType */
		/*  2 */ JEQ(0, 0x0800, 3),
		/*  3 */ JNE(0, 0x0806, 8),
		/*  4 */ LOAD(BPF_W, 14 + 24),		/* ARP target */
		/*  5 */ JA(1),
		/*  6 */ LOAD(BPF_W, 14 + 16),		/* IPv4 destination */
		/*  7 */ INSN(BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 4, 0),
		/*  8 */ MOV_IMM(1, 0),
		/*  9 */ MOV_IMM(2, 0),
		/* 10 */ INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
			      BPF_FUNC_redirect_peer),
		/* 11 */ EXIT,
		/* 12 */ MOV_IMM(0, VERDICT_NEXT),
		/* 13 */ EXIT,
	};

	*comma = '\0';
	prog[8].imm = if_nametoindex(to);
	if (!prog[8].imm)
		die(to);
	if (inet_pton(AF_INET, comma + 1, &addr) != 1) {
		errno = EINVAL;
		die(comma + 1);
	}
	prog[7].imm = ntohl(addr.s_addr);
	return load_insns(prog, ARRAY_SIZE(prog));
}

static int load_pass(void)
{
	struct bpf_insn prog[] = {
		MOV_IMM(0, VERDICT_PASS),
		EXIT,
	};

	return load_insns(prog, ARRAY_SIZE(prog));
}

static void attach(int prog, const char *dev, const char *hook, bool first)
{
	union bpf_attr attr = {
		.link_create.prog_fd = prog,
		.link_create.flags = first ? BPF_F_BEFORE : 0,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(hook, hooks[i].name))
			attr.link_create.attach_type = hooks[i].type;
	if (!attr.link_create.attach_type) {
		errno = EINVAL;
		die(hook);
	}
	attr.link_create.target_ifindex = if_nametoindex(dev);
	if (!attr.link_create.target_ifindex)
		die(dev);
	/* the link lives as long as this process holds its descriptor */
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		die("link");
}

static uint64_t seen(int map)
{
	uint64_t value = 0;
	uint32_t key = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&value,
	};

	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		die("map lookup");
	return value;
}

/* Of @n frames that the program saw. */
static uint64_t dropped_of(uint64_t n, uint64_t nth)
{
	if (!nth)
		return 0;
	return n / nth + (n % nth > ((uint32_t)(n / nth) * SCATTER >> 16) % nth);
}

static int parse_action(const char *text, bool *damage)
{
	int nth;

	*damage = !strncmp(text, "damage", 6);

	if (!strcmp(text, "count"))
		return 0;
	if (!strcmp(text, "drop-roce"))
		return 1;
	if (sscanf(text, *damage ? "damage-one-of=%d" : "drop-one-of=%d",
		   &nth) == 1 && nth > 0)
		return nth;
	fprintf(stderr, "rxe_bpf: bad action '%s'\n", text);
	exit(1);
}

int main(int argc, char **argv)
{
	int map, nth, sig, prog = -1;
	sigset_t set;
	bool redirect, pass, damage = false;
	uint64_t n;

	if (argc != 4) {
		fputs("usage: rxe_bpf DEV HOOK ACTION\n"
		      "hooks: tcx-ingress tcx-egress netkit-primary netkit-peer\n"
		      "actions: count drop-roce drop-one-of=N damage-one-of=N pass redirect=DEV redirect-peer=DEV[,ADDRESS]\n",
		      stderr);
		return 1;
	}
	redirect = !strncmp(argv[3], "redirect", 8);
	pass = !strcmp(argv[3], "pass");
	nth = redirect || pass ? 0 : parse_action(argv[3], &damage);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);

	map = make_map();
	if (pass)
		prog = load_pass();
	else if (!redirect)
		prog = load(map, nth, damage);
	else if (!strncmp(argv[3], "redirect=", 9))
		prog = load_redirect(argv[3] + 9, BPF_FUNC_redirect);
	else if (!strncmp(argv[3], "redirect-peer=", 14) &&
		 strchr(argv[3], ','))
		prog = load_redirect_addr(argv[3] + 14);
	else if (!strncmp(argv[3], "redirect-peer=", 14))
		prog = load_redirect(argv[3] + 14, BPF_FUNC_redirect_peer);
	else
		parse_action(argv[3], &damage);
	attach(prog, argv[1], argv[2], pass);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	n = seen(map);
	printf("seen %llu dropped %llu\n", (unsigned long long)n,
	       (unsigned long long)dropped_of(n, nth));
	return 0;
}
