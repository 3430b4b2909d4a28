// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of RXE's verbs: processes with threads that make, use, misuse and
 * destroy all kinds of objects on two devices, which are connected.
 *
 * What a worker does follows from its seed, and that from the seed of the run
 * and the worker's number; --worker repeats one. The other workers, the frames
 * and the time are not the same again, so a repetition is close, not equal.
 *
 * At its end it prints a line of JSON. Exit status: 0; 2: a worker does not end.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "rxe_fuzz_verbs.h"

#define MAX_WORKERS	32
#define MAX_THREADS	4
#define MAX_LIFE	6000		/* ms */

static const char * const stat_names[NR_STATS] = {
	"processes", "threads", "actions", "refused", "contexts", "pds", "cqs",
	"srqs", "qps", "mrs", "odp_mrs", "dmabuf_mrs", "mws", "ahs", "mcast",
	"connects", "sends", "hostile_sends", "recvs", "cqes", "good_cqes",
	"scribbles", "forks", "killed", "crashed", "faults",
};

static const struct action actions[] = {
	{ "open", act_open, 6, 0 },
	{ "close", act_close, 1, OPT_CLOSE },
	{ "create-pd", act_create_pd, 8, 0 },
	{ "create-cq", act_create_cq, 12, 0 },
	{ "resize-cq", act_resize_cq, 4, OPT_RESIZE },
	{ "notify-cq", act_notify_cq, 8, 0 },
	{ "create-srq", act_create_srq, 4, OPT_SRQ },
	{ "modify-srq", act_modify_srq, 3, OPT_SRQ },
	{ "create-qp", act_create_qp, 20, 0 },
	{ "connect", act_connect, 8, 0 },
	{ "connect-pair", act_connect_pair, 24, 0 },
	{ "modify-illegal", act_modify_illegal, 4, OPT_ILLEGAL },
	{ "modify-end", act_modify_end, 3, 0 },
	{ "mcast", act_mcast, 4, OPT_MCAST },
	{ "create-ah", act_create_ah, 6, OPT_UD },
	{ "create-mw", act_create_mw, 6, OPT_MW },
	{ "reg-mr", act_reg_mr, 12, 0 },
	{ "reg-odp", act_reg_odp, 4, OPT_ODP },
	{ "reg-dmabuf", act_reg_dmabuf, 4, OPT_DMABUF },
	{ "revoke-dmabuf", act_revoke_dmabuf, 2, OPT_DMABUF },
	{ "rereg-mr", act_rereg_mr, 3, OPT_HOSTILE_CMD },
	{ "advise-mr", act_advise_mr, 3, OPT_ODP },
	{ "destroy", act_destroy, 16, 0 },
	{ "query", act_query, 3, 0 },
	{ "send", act_send, 60, 0 },
	{ "hostile-send", act_hostile_send, 20, OPT_HOSTILE_WQE },
	{ "recv", act_recv, 30, 0 },
	{ "poll", act_poll, 40, 0 },
	{ "doorbell", act_doorbell, 3, OPT_HOSTILE_CMD },
	{ "arena", act_arena, 3, OPT_MM },
	{ "queue-mm", act_queue_mm, 1, OPT_MM },
	{ "fork", act_fork, 1, OPT_FORK },
};

static const struct {
	const char *name;
	unsigned int bits;
} option_names[] = {
	{ "scribble", OPT_SCRIBBLE },
	{ "hostile-wqe", OPT_HOSTILE_WQE },
	{ "hostile-cmd", OPT_HOSTILE_CMD },
	{ "illegal", OPT_ILLEGAL },
	{ "mm", OPT_MM },
	{ "fork", OPT_FORK },
	{ "kill", OPT_KILL },
	{ "close", OPT_CLOSE },
	{ "dmabuf", OPT_DMABUF },
	{ "odp", OPT_ODP },
	{ "mw", OPT_MW },
	{ "mcast", OPT_MCAST },
	{ "srq", OPT_SRQ },
	{ "ud", OPT_UD },
	{ "uc", OPT_UC },
	{ "resize", OPT_RESIZE },
};

/**
 * struct worker - a process, as its parent knows it
 * @pid: 0 if there is none
 * @kill_at: when it gets a signal that it cannot catch
 * @generation: how many there were in its place
 */
struct worker {
	pid_t pid;
	uint64_t kill_at;
	unsigned int generation;
};

struct shared *shared;
struct dev devs[NR_DEVS];
unsigned int options = OPT_ALL;
uint8_t *arena;

__thread sigjmp_buf fault_jmp;
__thread bool fault_armed;

static struct {
	uint64_t seed;
	uint64_t one_worker;		/* its seed, or 0 */
	bool trace;
	unsigned int seconds;
	unsigned int workers;
	unsigned int patience;		/* seconds for workers to end */
	int log;
} opt = { .seconds = 10, .workers = 4, .patience = 20, .log = -1 };

static unsigned int total_weight;
static uint64_t worker_end;
static sig_atomic_t stopped, asked;

/* ---- a worker ---- */

static void on_fault(int sig)
{
	if (fault_armed)
		siglongjmp(fault_jmp, 1);
	signal(sig, SIG_DFL);
}

static void catch_faults(void)
{
	/* the handler is left by a jump: the signal must not stay blocked */
	struct sigaction action = {
		.sa_handler = on_fault, .sa_flags = SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static const struct action *pick_action(struct rng *r)
{
	unsigned int n = rng_below(r, total_weight), i;

	for (i = 0; n >= actions[i].weight; i++)
		n -= actions[i].weight;
	return &actions[i];
}

/* A place for each thread; who is gone is overwritten by and by. */
static void note(const struct action *action)
{
	static __thread struct doing *mine;

	if (!mine) {
		mine = &shared->doing[gettid() % NR_DOING];
		mine->tid = gettid();
	}
	mine->action = action - actions;
	mine->since = now_ms();
}

static void one_action(struct thread *t)
{
	const struct action *action = pick_action(&t->rng);

	if (action->needs & ~options)
		return;
	note(action);
	if (opt.trace)
		fprintf(stderr, "%d.%d %s\n", getpid(), t->num, action->name);
	count(STAT_ACTIONS);
	action->run(&t->rng);
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	count(STAT_THREADS);
	while (now_ms() < worker_end) {
		one_action(t);
		if (one_of(&t->rng, 64))
			usleep(rng_below(&t->rng, 3000));
	}
	return NULL;
}

static void *run_scribbler(void *arg)
{
	struct thread *t = arg;

	count(STAT_THREADS);
	while (now_ms() < worker_end) {
		act_scribble(&t->rng);
		usleep(rng_below(&t->rng, 500));
	}
	return NULL;
}

/* Allocations of this process fail at the rate that debugfs names. */
static void fail_allocations(struct rng *r)
{
	int fd;

	if (!(options & OPT_FAIL_ALLOC) || one_of(r, 2))
		return;
	fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		die_errno("make-it-fail");
	close(fd);
}

/* Some kinds of hostility only, so that the others get somewhere. */
static void choose_options(struct rng *r)
{
	static const unsigned int spoilers[] = {
		OPT_SCRIBBLE, OPT_HOSTILE_WQE, OPT_MM, OPT_ILLEGAL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spoilers); i++)
		if (one_of(r, 2))
			options &= ~spoilers[i];
}

/* The first objects: by chance alone it would take long. */
static void warm_up(struct rng *r)
{
	int n;

	for (n = 0; n < 4; n++)
		act_open(r);
	for (n = 0; n < 4; n++) {
		act_create_pd(r);
		act_create_cq(r);
		act_reg_mr(r);
		act_create_qp(r);
		act_create_qp(r);
	}
	for (n = 0; n < 4; n++)
		act_connect_pair(r);
}

static void end_worker(struct rng *r)
{
	int n;

	switch (rng_below(r, 4)) {
	case 0:
		for (n = 0; n < 100; n++)
			act_destroy(r);
		break;
	case 1:
		for (n = 0; n < 4; n++)
			act_close(r);
		break;
	case 2:
		if (options & OPT_KILL)
			kill(getpid(), SIGKILL);
	}
	_exit(0);
}

static void run_worker(uint64_t seed)
{
	struct thread threads[MAX_THREADS + 1];
	pthread_t ids[MAX_THREADS + 1];
	struct rng r = { .state = seed };
	unsigned int nr, n;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	catch_faults();
	choose_options(&r);
	objs_init();
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		die_errno("no memory");
	warm_up(&r);
	fail_allocations(&r);
	worker_end = now_ms() + 200 + rng_below(&r, MAX_LIFE);
	nr = 1 + rng_below(&r, MAX_THREADS);
	for (n = 0; n <= nr; n++) {
		threads[n].num = n;
		threads[n].rng.state = sub_seed(seed, n);
		if (n == nr && !(options & OPT_SCRIBBLE))
			break;
		if (pthread_create(&ids[n], NULL, n < nr ? run_thread :
				   run_scribbler, &threads[n]))
			break;
	}
	while (n--)
		pthread_join(ids[n], NULL);
	end_worker(&r);
}

/* ---- their parent ---- */

static void on_stop(int sig)
{
	stopped = sig;
}

static uint64_t worker_seed(unsigned int number, unsigned int generation)
{
	return sub_seed(opt.seed, (uint64_t)number << 32 | generation);
}

/* Written at once: the kernel may not live to write it later. */
static void log_worker(unsigned int number, uint64_t seed)
{
	if (opt.log >= 0)
		dprintf(opt.log, "worker %u: --worker %llu\n", number,
			(unsigned long long)seed);
}

static void start_worker(struct worker *w, unsigned int number, struct rng *r)
{
	uint64_t seed = worker_seed(number, w->generation++);

	w->kill_at = UINT64_MAX;
	if (options & OPT_KILL && one_of(r, 3))
		w->kill_at = now_ms() + rng_below(r, MAX_LIFE);
	log_worker(number, seed);
	w->pid = fork();
	if (!w->pid)
		run_worker(seed);
	if (w->pid < 0)
		w->pid = 0;
	else
		count(STAT_PROCESSES);
}

/* Children of workers come to us as well when their parent is gone. */
static void reap(struct worker *workers)
{
	unsigned int i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < opt.workers; i++)
			if (workers[i].pid == pid)
				workers[i].pid = 0;
		if (WIFSIGNALED(status))
			count(WTERMSIG(status) == SIGKILL ? STAT_KILLED :
			      STAT_CRASHED);
	}
}

static void on_ask(int sig)
{
	asked = sig;
}

/* What takes long, for SIGUSR1. */
static void tell(void)
{
	uint64_t now = now_ms();
	struct doing *d;

	for (d = shared->doing; d < shared->doing + NR_DOING; d++)
		if (d->tid && !kill(d->tid, 0) && now - d->since > 1000)
			dprintf(opt.log < 0 ? 2 : opt.log,
				"task %d: %s for %llu ms\n", d->tid,
				actions[d->action].name,
				(unsigned long long)(now - d->since));
	asked = 0;
}

static void watch_workers(struct worker *workers)
{
	struct rng r = { .state = opt.seed };
	uint64_t end = now_ms() + opt.seconds * 1000ull;
	unsigned int i;

	while (!stopped && now_ms() < end) {
		reap(workers);
		for (i = 0; i < opt.workers; i++) {
			if (!workers[i].pid)
				start_worker(&workers[i], i, &r);
			else if (now_ms() >= workers[i].kill_at)
				kill(workers[i].pid, SIGKILL);
		}
		if (asked)
			tell();
		usleep(10000);
	}
}

/* Whoever is in our process group, but us, is no more: status 0, else 2. */
static int end_workers(void)
{
	uint64_t end = now_ms() + opt.patience * 1000ull;
	pid_t pid = 0;

	signal(SIGTERM, SIG_IGN);
	while (now_ms() < end) {
		kill(0, SIGTERM);
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return 0;
		if (asked)
			tell();
		if (!pid)
			usleep(20000);
	}
	fprintf(stderr, "rxe_fuzz_verbs: workers do not end\n");
	return 2;
}

/* As one worker of a run, but seen from its parent. */
static int run_one(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		run_worker(opt.one_worker);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die_errno("fork");
	return end_workers();
}

static int run_all(void)
{
	struct worker workers[MAX_WORKERS] = {};

	watch_workers(workers);
	return end_workers();
}

static void print_stats(void)
{
	unsigned int i;

	printf("{");
	for (i = 0; i < NR_STATS; i++)
		printf("%s\"%s\": %llu", i ? ", " : "", stat_names[i],
		       (unsigned long long)shared->stats[i]);
	printf("}\n");
}

/* ---- the command line ---- */

static void show_help(void)
{
	unsigned int i;

	fputs("usage: rxe_fuzz_verbs [options] DEV_A ADDR[,ADDR6] DEV_B ADDR[,ADDR6]\n"
	      "  --seed N        of the run\n"
	      "  --worker N      only the worker that has this seed\n"
	      "  --seconds N     how long (10)\n"
	      "  --workers N     processes (4)\n"
	      "  --patience N    seconds that workers have to end (20)\n"
	      "  --fail-alloc    make allocations of some workers fail\n"
	      "  --trace         say what is done\n"
	      "  --log FILE      for the seeds of the workers\n"
	      "and without some kind of hostility:\n", stderr);
	for (i = 0; i < ARRAY_SIZE(option_names); i++)
		fprintf(stderr, "  --no-%s\n", option_names[i].name);
	exit(1);
}

static void switch_off(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(option_names); i++) {
		if (strcmp(name, option_names[i].name))
			continue;
		options &= ~option_names[i].bits;
		return;
	}
	show_help();
}

static void parse_dev(struct dev *dev, const char *name, char *addrs)
{
	char mapped[64], *addr;

	dev->name = name;
	for (addr = strtok(addrs, ","); addr; addr = strtok(NULL, ",")) {
		if (dev->nr_addrs == NR_ADDRS)
			show_help();
		snprintf(mapped, sizeof(mapped), "::ffff:%s", addr);
		if (inet_pton(AF_INET6, strchr(addr, ':') ? addr : mapped,
			      &dev->addr[dev->nr_addrs++]) != 1)
			die("bad address '%s'", addr);
	}
	if (!dev->nr_addrs)
		show_help();
}

static void open_log(const char *name)
{
	opt.log = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC | O_CLOEXEC,
		       0644);
	if (opt.log < 0)
		die_errno("%s", name);
}

static void parse(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--fail-alloc"))
			options |= OPT_FAIL_ALLOC;
		else if (!strcmp(argv[i], "--trace"))
			opt.trace = true;
		else if (!strncmp(argv[i], "--no-", 5))
			switch_off(argv[i] + 5);
		else if (i + 1 == argc)
			show_help();
		else if (!strcmp(argv[i], "--seed"))
			opt.seed = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--worker"))
			opt.one_worker = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--log"))
			open_log(argv[++i]);
		else if (!strcmp(argv[i], "--seconds"))
			opt.seconds = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--workers"))
			opt.workers = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--patience"))
			opt.patience = atoi(argv[++i]);
		else
			show_help();
	}
	if (argc - i != 4 || !opt.workers || opt.workers > MAX_WORKERS)
		show_help();
	parse_dev(&devs[0], argv[i], argv[i + 1]);
	parse_dev(&devs[1], argv[i + 2], argv[i + 3]);
}

int main(int argc, char **argv)
{
	struct rlimit none = {};
	unsigned int i;
	int rc;

	parse(argc, argv);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die_errno("no memory");
	for (i = 0; i < ARRAY_SIZE(actions); i++)
		total_weight += actions[i].weight;
	setpgid(0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	signal(SIGUSR1, on_ask);
	rc = opt.one_worker ? run_one() : run_all();
	print_stats();
	return rc;
}
