/* Tries, one by one, what a program that was taken over might try, and prints what came of each. It is no part of
   what is shipped: tests run it in place of the agent or the dashboard, in a copy of its unit. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, int failed) {
    printf("%s: %s\n", what, failed ? strerrorname_np(errno) : "allowed");
}

static void write_to(const char *directory) {
    char path[128];
    snprintf(path, sizeof path, "%s/server-scout-probe", directory);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    char what[160];
    snprintf(what, sizeof what, "write to %s", directory);
    say(what, file < 0);
    if (file >= 0) {
        close(file);
        unlink(path);
    }
}

/* Where nobody listens: who is let out is told so. */
static void reach(const char *what, const char *address) {
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, address, &host.sin_addr);
    int wire = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(wire, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int failed = connect(wire, (struct sockaddr *)&host, sizeof host) < 0 && errno != ECONNREFUSED;
    say(what, failed);
    close(wire);
}

/* In a process of its own: what works must not change what comes after it. */
static void apart(const char *what, int (*attempt)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        say(what, attempt() < 0);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        printf("%s: killed\n", what);
    }
}

static int new_user(void) { return unshare(CLONE_NEWUSER); }
static int new_mounts(void) { return unshare(CLONE_NEWNS); }
static int new_network(void) { return unshare(CLONE_NEWNET); }
static int another_user(void) { return setresuid(12345, 12345, 12345); }
static int traced(void) { return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static int mounted(void) { return mount("none", "/mnt", "tmpfs", 0, NULL); }
static int renamed(void) { return sethostname("probe", 5); }
static int foreign(void) { return (int)syscall(SYS_personality, 0x0004000); }
static int root_moved(void) { return chroot("/"); }

static int listening(void) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    int wire = socket(AF_INET, SOCK_STREAM, 0);
    return bind(wire, (struct sockaddr *)&any, sizeof any) < 0 ? -1 : listen(wire, 1);
}

static int made_executable(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int written_and_run(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

static int first_process(void) { return open("/proc/1/environ", O_RDONLY); }
static int first_process_listed(void) { return access("/proc/1", F_OK); }
static int raw(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int packets(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static int routes(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static int kernel_log(void) { return open("/dev/kmsg", O_RDONLY); }
static int setting(void) { return open("/proc/sys/kernel/domainname", O_WRONLY); }
static int groups(void) {
    const char *hierarchy = access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
    char path[128];
    snprintf(path, sizeof path, "%s/probe", hierarchy);
    int failed = mkdir(path, 0700);
    if (!failed) {
        rmdir(path);
    }
    return failed;
}

static int with_privileges(void) {
    const char *directory = getenv("STATE_DIRECTORY");
    char path[256];
    snprintf(path, sizeof path, "%s/probe", directory ? directory : "/root");
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    int failed = file < 0 ? -1 : fchmod(file, 04755);
    int why = errno;
    unlink(path);
    errno = why;
    return failed;
}

int main(void) {
    write_to("/etc");
    write_to("/usr");
    write_to("/var");
    write_to("/var/lib");
    write_to("/home");
    write_to("/root");
    write_to("/boot");
    write_to("/run");
    write_to("/dev/shm");
    apart("see the first process", first_process_listed);
    apart("read of the first process", first_process);
    apart("raw socket", raw);
    apart("packet socket", packets);
    apart("netlink socket", routes);
    apart("mount", mounted);
    apart("ptrace", traced);
    apart("new user namespace", new_user);
    apart("new mount namespace", new_mounts);
    apart("new network namespace", new_network);
    apart("another user", another_user);
    apart("set-user-id file", with_privileges);
    apart("memory written and run", written_and_run);
    apart("memory made executable", made_executable);
    apart("listen", listening);
    apart("host name", renamed);
    apart("personality", foreign);
    apart("another root", root_moved);
    apart("kernel log", kernel_log);
    apart("kernel setting", setting);
    apart("control group", groups);
    reach("reach elsewhere", "192.0.2.77");
    reach("reach this machine", "127.0.0.1");
    return 0;
}
