/*
 * Runs a command and says what it cost:  measure [-l LOG] [-g PGID]... -- COMMAND...
 * One line: wall, user and system seconds, CPU seconds of the command's first thread, largest
 * memory in KiB, CPU seconds that others used meanwhile, exit status.  Others: not the command, not
 * the process groups named with -g (servers), not kernel threads (they write back what the command
 * wrote), but with what the host of a virtual machine took.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUPS_MAX 8

struct ignored {
    int group[GROUPS_MAX];
    int n;
};

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double seconds(long long ticks)
{
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* CPU seconds of the whole machine without interrupts, which belong to nobody. */
static double machine_cpu(void)
{
    long long user = 0, nice = 0, system = 0, idle, wait, irq, soft, steal = 0;
    FILE *file = fopen("/proc/stat", "r");

    if (!file)
        return 0;
    if (fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle,
               &wait, &irq, &soft, &steal) != 8)
        steal = 0;
    fclose(file);
    return seconds(user + nice + system + steal);
}

struct process {
    int parent, group;
    double cpu;
};

static bool read_process(const char *path, struct process *process)
{
    char text[1024];
    long long user, system;
    FILE *file = fopen(path, "r");

    if (!file)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *after = strrchr(text, ')'); /* the name before it may hold anything */
    if (!after || sscanf(after + 1, " %*c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld",
                         &process->parent, &process->group, &user, &system) != 4)
        return false;
    process->cpu = seconds(user + system);
    return true;
}

static bool is_ignored(const struct ignored *ignored, const struct process *process)
{
    if (process->parent == 2)
        return true; /* a kernel thread */
    for (int i = 0; i < ignored->n; i++)
        if (process->group == ignored->group[i])
            return true;
    return false;
}

static double ignored_cpu(const struct ignored *ignored)
{
    char path[300];
    struct process process;
    double sum = 0;
    DIR *dir = opendir("/proc");

    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (read_process(path, &process) && is_ignored(ignored, &process))
            sum += process.cpu;
    }
    closedir(dir);
    return sum;
}

static pid_t start(char **command, const char *log)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

/* A process that ended but was not waited for still says what its first thread used. */
static double first_thread_cpu(pid_t pid)
{
    char path[64];
    struct process process = {0};
    siginfo_t info;

    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)pid);
    return read_process(path, &process) ? process.cpu : 0;
}

static double of(struct timeval at)
{
    return (double)at.tv_sec + (double)at.tv_usec / 1e6;
}

static void measure(char **command, const char *log, const struct ignored *ignored)
{
    struct rusage used;
    int status;
    double machine = machine_cpu(), others = ignored_cpu(ignored), begun = now();
    pid_t pid = start(command, log);
    double first = first_thread_cpu(pid);

    if (wait4(pid, &status, 0, &used) < 0)
        exit(2);
    double wall = now() - begun, user = of(used.ru_utime), system = of(used.ru_stime);
    double foreign = machine_cpu() - machine - (ignored_cpu(ignored) - others) - user - system;
    printf("%.4f %.4f %.4f %.2f %ld %.2f %d\n", wall, user, system, first, used.ru_maxrss,
           foreign > 0 ? foreign : 0,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int argc, char **argv)
{
    struct ignored ignored = {.n = 0};
    const char *log = "/dev/null";
    int option;

    while ((option = getopt(argc, argv, "+l:g:")) >= 0) {
        if (option == 'l')
            log = optarg;
        else if (option == 'g' && ignored.n < GROUPS_MAX)
            ignored.group[ignored.n++] = atoi(optarg);
        else
            return 2;
    }
    if (optind == argc)
        return 2;
    measure(argv + optind, log, &ignored);
    return 0;
}
