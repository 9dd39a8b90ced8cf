/*
 * Makes file calls of all kinds below a directory, and writes down what came of each: once on a real disk, where the directory is the
 * first argument, and once as a host in the simulated world, which it does when it is asked to create a store. Both must read alike.
 * The transcript goes to the file that the last argument names, on the real disk.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *out;
static char root[PATH_MAX];

static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    fputc('\n', out);
    fflush(out);
}

/* What a call returned, by its text, and its error. */
#define SAY(call) \
    ({ \
        errno = 0; \
        long result_ = (long)(call); \
        if (result_ < 0) say("%s -> %s", #call, strerrorname_np(errno)); \
        else say("%s -> %ld", #call, result_); \
        result_; \
    })
/* A call whose number is nobody's business. */
#define TRIED(call) \
    ({ \
        errno = 0; \
        long result_ = (long)(call); \
        say("%s -> %s", #call, result_ < 0 ? strerrorname_np(errno) : "done"); \
        (int)result_; \
    })

static char *at(const char *name) {
    static char paths[8][PATH_MAX];
    static int next;
    char *path = paths[next = (next + 1) % 8];
    snprintf(path, PATH_MAX, "%s/%s", root, name);
    return path;
}

static void content(const char *name) {
    char bytes[256];
    int fd = open(at(name), O_RDONLY);
    long count = read(fd, bytes, sizeof bytes - 1);
    close(fd);
    for (long i = 0; i < count; i++)
        if (!bytes[i]) bytes[i] = '.';
    bytes[count < 0 ? 0 : count] = 0;
    say("%s has %ld: %s", name, count, bytes);
}

static void reading_and_writing(void) {
    char bytes[64] = "";
    int fd = TRIED(open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640));
    SAY(open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640));
    SAY(write(fd, "hello world", 11));
    SAY(pwrite(fd, "HELLO", 5, 0));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(lseek(fd, -3, SEEK_END));
    SAY(lseek(fd, -30, SEEK_CUR));
    SAY(lseek(fd, 0, 77));
    SAY(read(fd, bytes, sizeof bytes));
    SAY(pread(fd, bytes, 5, 0));
    SAY(pread(fd, bytes, 5, -1));
    say("%.5s", bytes);
    struct iovec pieces[2] = {{bytes, 3}, {bytes + 10, 4}};
    SAY(preadv(fd, pieces, 2, 2));
    say("%.3s %.4s", bytes, bytes + 10);
    SAY(writev(fd, pieces, 2));
    SAY(pwritev(fd, pieces, 2, 20));
    SAY(ftruncate(fd, 30));
    SAY(ftruncate(fd, -1));
    SAY(truncate(at("a"), 25));
    SAY(truncate(at("none"), 25));
    SAY(fallocate(fd, 0, 0, 40));
    SAY(posix_fallocate(fd, 0, 0));
    SAY(posix_fallocate(fd, 0, 50));
    SAY(fsync(fd));
    SAY(fdatasync(fd));
    SAY(fcntl(fd, F_GETFL) & O_ACCMODE);
    SAY(fcntl(fd, F_SETFL, O_APPEND));
    SAY(write(fd, "end", 3));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(fcntl(fd, F_GETFL) & O_APPEND);
    SAY(close(fd));
    SAY(close(fd));
    SAY(read(fd, bytes, 1));
    content("a");
    fd = TRIED(open(at("a"), O_RDONLY));
    SAY(write(fd, "x", 1));
    SAY(ftruncate(fd, 0));
    SAY(close(fd));
    fd = TRIED(open(at("a"), O_WRONLY | O_TRUNC));
    SAY(read(fd, bytes, 1));
    SAY(close(fd));
    content("a");
    SAY(open(at("none"), O_RDONLY));
    SAY(open(at("a/below"), O_RDONLY));
    SAY(open(at("a/"), O_RDONLY));
    SAY(open(at("new/"), O_RDWR | O_CREAT, 0600));
    SAY(open(root, O_WRONLY));
    SAY(open(at("a"), O_RDONLY | O_DIRECTORY));
    fd = TRIED(creat(at("c"), 0600));
    SAY(write(fd, "", 0));
    SAY(close(fd));
    char *large = malloc(3 << 20);
    memset(large, 'l', 3 << 20);
    fd = TRIED(open(at("large"), O_RDWR | O_CREAT, 0600));
    SAY(write(fd, large, 3 << 20));
    SAY(pread(fd, large, 3 << 20, 5));
    SAY(close(fd));
    SAY(unlink(at("large")));
    free(large);
}

static void descriptors(void) {
    char byte;
    int fd = TRIED(open(at("d"), O_RDWR | O_CREAT, 0600));
    SAY(write(fd, "0123456789", 10));
    int other = TRIED(dup(fd));
    SAY(lseek(other, 3, SEEK_SET));
    SAY(read(fd, &byte, 1));
    say("%c", byte);
    SAY(close(fd));
    SAY(read(other, &byte, 1));
    SAY(dup2(other, 123));
    SAY(close(other));
    SAY(read(123, &byte, 1));
    say("%c", byte);
    int null = open("/dev/null", O_RDWR);
    SAY(dup2(null, 123));
    SAY(read(123, &byte, 1));
    other = TRIED(open(at("d"), O_RDONLY));
    SAY(dup3(other, 123, O_CLOEXEC));
    SAY(fcntl(other, F_DUPFD, 200));
    SAY(read(200, &byte, 1));
    say("%c", byte);
    SAY(close_range(123, 200, 0));
    SAY(read(200, &byte, 1));
    SAY(read(123, &byte, 1));
    SAY(read(other, &byte, 1));
    say("%c", byte);
    SAY(close(other));
    close(null);
    SAY(unlink(at("d")));
}

static void names(void) {
    char link_text[64], path[PATH_MAX];
    struct stat about;
    SAY(mkdir(at("dir"), 0755));
    SAY(mkdir(at("dir"), 0755));
    SAY(mkdir(at("none/dir"), 0755));
    int dir = TRIED(open(at("dir"), O_RDONLY | O_DIRECTORY));
    int fd = TRIED(openat(dir, "x", O_RDWR | O_CREAT, 0600));
    SAY(write(fd, "x", 1));
    SAY(mkdirat(dir, "sub", 0700));
    SAY(rename(at("dir/x"), at("dir/sub/y")));
    SAY(renameat(dir, "sub/y", dir, "z"));
    SAY(rename(at("dir"), at("dir/sub/dir")));
    SAY(rename(at("dir/z"), at("dir/sub")));
    SAY(rename(at("dir/sub"), at("dir/z")));
    SAY(rename(at("none"), at("other")));
    SAY(linkat(dir, "z", dir, "hard", 0));
    SAY(link(at("dir/z"), at("dir/hard")));
    SAY(fstat(fd, &about));
    say("links %ld, size %ld, mode %o", (long)about.st_nlink, (long)about.st_size, about.st_mode);
    SAY(symlink("z", at("dir/soft")));
    SAY(symlinkat("nowhere", dir, "dangling"));
    SAY(symlinkat("loop", dir, "loop"));
    long count = SAY(readlink(at("dir/soft"), link_text, sizeof link_text));
    say("%.*s", (int)count, link_text);
    SAY(readlink(at("dir/z"), link_text, sizeof link_text));
    SAY(stat(at("dir/soft"), &about));
    say("%o %ld", about.st_mode & S_IFMT, (long)about.st_size);
    SAY(lstat(at("dir/soft"), &about));
    say("%o %ld", about.st_mode & S_IFMT, (long)about.st_size);
    SAY(stat(at("dir/dangling"), &about));
    SAY(stat(at("dir/loop"), &about));
    SAY(open(at("dir/soft"), O_RDONLY | O_NOFOLLOW));
    SAY(close(TRIED(open(at("dir/dangling"), O_RDWR | O_CREAT, 0600))));
    SAY(stat(at("dir/nowhere"), &about));
    SAY(fstatat(dir, "sub", &about, 0));
    say("%o", about.st_mode);
    SAY(fstatat(fd, "", &about, AT_EMPTY_PATH));
    SAY(unlinkat(dir, "sub", 0));
    SAY(rmdir(at("dir/z")));
    SAY(rmdir(at("dir")));
    SAY(unlinkat(dir, "sub", AT_REMOVEDIR));
    SAY(unlink(at("dir/z")));
    SAY(remove(at("dir/hard")));
    SAY(pread(fd, link_text, 1, 0));
    SAY(fstat(fd, &about));
    say("links %ld", (long)about.st_nlink);
    SAY(close(fd));
    SAY(access(at("dir"), R_OK | X_OK));
    SAY(access(at("none"), F_OK));
    SAY(faccessat(dir, "soft", F_OK, 0));
    SAY(faccessat(dir, "soft", F_OK, AT_SYMLINK_NOFOLLOW));
    SAY(renameat2(dir, "nowhere", dir, "soft", RENAME_NOREPLACE));
    SAY(renameat2(dir, "nowhere", dir, "soft", RENAME_EXCHANGE));
    SAY(fsync(dir));
    SAY(read(dir, link_text, 1));
    SAY(close(dir));
    say("%s", realpath(at("dir/../dir/./soft"), path) ? path + strlen(root) : strerrorname_np(errno));
    say("%s", realpath(at("dir/none"), path) ? path + strlen(root) : strerrorname_np(errno));
    char *twice = at("");
    strcat(twice, "/dir//nowhere");
    SAY(lstat(twice, &about));
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void directories(void) {
    char name[64], *all[64];
    int count = 0;
    SAY(mkdir(at("many"), 0755));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "many/%02d", i);
        close(open(at(name), O_WRONLY | O_CREAT, 0600));
    }
    DIR *dir = opendir(at("many"));
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        snprintf(name, sizeof name, "%s %d", entry->d_name, entry->d_type);
        all[count++] = strdup(name);
    }
    qsort(all, count, sizeof *all, by_name);
    for (int i = 0; i < count; i++) say("%s", all[i]);
    rewinddir(dir);
    readdir(dir);
    long here = telldir(dir);
    snprintf(name, sizeof name, "%s", readdir(dir)->d_name);
    readdir(dir);
    seekdir(dir, here);
    say("again %d", strcmp(name, readdir(dir)->d_name));
    SAY(unlinkat(dirfd(dir), "07", 0));
    SAY(closedir(dir));
    struct dirent **found;
    SAY(scandir(at("many"), &found, NULL, alphasort));
    say("%s", found[5]->d_name);
    dir = fdopendir(TRIED(open(at("many"), O_RDONLY)));
    count = 0;
    while (readdir(dir)) count++;
    say("%d", count);
    SAY(closedir(dir));
    say("%s", opendir(at("none")) ? "opened" : strerrorname_np(errno));
    say("%s", opendir(at("many/01")) ? "opened" : strerrorname_np(errno));
}

static void stdio(void) {
    char line[64];
    FILE *file = fopen(at("text"), "w");
    fprintf(file, "first %d\nsecond\n", 1);
    SAY(fflush(file));
    SAY(fsync(fileno(file)));
    SAY(fclose(file));
    content("text");
    file = fopen(at("text"), "a+");
    fputs("third\n", file);
    SAY(fseek(file, 6, SEEK_SET));
    say("%s", fgets(line, sizeof line, file) ? line : "nothing");
    say("%s", fgets(line, sizeof line, file) ? line : "nothing");
    SAY(ftell(file));
    SAY(fclose(file));
    content("text");
    file = fdopen(open(at("text"), O_RDWR), "r+");
    say("%s", fgets(line, sizeof line, file) ? line : "nothing");
    SAY(fclose(file));
    say("%s", fopen(at("none"), "r") ? "opened" : strerrorname_np(errno));
    say("%s", fopen(at("text"), "wx") ? "opened" : strerrorname_np(errno));
}

static void attributes(void) {
    struct stat about;
    struct timespec times[2] = {{5, 6}, {7, 8}};
    umask(022);
    int fd = TRIED(open(at("mode"), O_RDWR | O_CREAT, 0666));
    SAY(fstat(fd, &about));
    say("%o", about.st_mode);
    SAY(fchmod(fd, 0604));
    SAY(chmod(at("mode"), 0614));
    SAY(fchown(fd, -1, -1));
    SAY(futimens(fd, times));
    times[0].tv_nsec = UTIME_OMIT, times[1].tv_sec = 9;
    SAY(utimensat(AT_FDCWD, at("mode"), times, 0));
    SAY(stat(at("mode"), &about));
    say("%o, %ld.%ld, %ld.%ld", about.st_mode, about.st_atim.tv_sec, about.st_atim.tv_nsec, about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
    struct statx more;
    SAY(statx(AT_FDCWD, at("mode"), 0, STATX_BASIC_STATS, &more));
    say("%o %lld", more.stx_mode, (long long)more.stx_mtime.tv_sec);
    SAY(close(fd));
    struct statvfs space;
    SAY(statvfs(root, &space));
    say("%d", space.f_bavail > 0 && space.f_namemax == 255);
}

static void working_directory(void) {
    char path[PATH_MAX], before[PATH_MAX];
    struct stat about;
    if (!getcwd(before, sizeof before)) exit(1);
    SAY(chdir(at("many")));
    say("%s", getcwd(path, sizeof path) ? path + strlen(root) : strerrorname_np(errno));
    SAY(stat("01", &about));
    SAY(stat("../many/02", &about));
    SAY(chdir("01"));
    SAY(chdir(".."));
    say("%s.", getcwd(path, sizeof path) ? path + strlen(root) : strerrorname_np(errno));
    SAY(getcwd(path, 3) ? 0 : -1);
    int dir = open("many", O_RDONLY);
    SAY(chdir(before));
    SAY(fchdir(dir));
    SAY(access("03", F_OK));
    SAY(close(dir));
    SAY(chdir(before));
    SAY(access("03", F_OK));
}

/* Whether another process could take a lock. */
static int lockable(int record) {
    pid_t child = fork();
    if (child == 0) {
        int fd = open(at("lock"), O_RDWR);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1};
        _exit(record ? fcntl(fd, F_SETLK, &lock) : flock(fd, LOCK_EX | LOCK_NB));
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 0;
}

static void processes(void) {
    char bytes[16] = "";
    int fd = TRIED(open(at("lock"), O_RDWR | O_CREAT, 0600)), status, pipes[2];
    SAY(write(fd, "0123456789", 10));
    SAY(lseek(fd, 2, SEEK_SET));
    SAY(flock(fd, LOCK_EX | LOCK_NB));
    SAY(lockable(0));
    pid_t child = fork();
    if (child == 0) {
        /* It shares the position, and the lock. */
        if (read(fd, bytes, 3) != 3 || memcmp(bytes, "234", 3)) _exit(1);
        if (flock(fd, LOCK_EX | LOCK_NB)) _exit(2);
        int own = open(at("child"), O_RDWR | O_CREAT, 0600);
        if (write(own, "child", 5) != 5 || fsync(own)) _exit(3);
        _exit(0);
    }
    waitpid(child, &status, 0);
    say("child %d", WEXITSTATUS(status));
    content("child");
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(flock(fd, LOCK_UN));
    SAY(lockable(0));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 6};
    SAY(fcntl(fd, F_SETLK, &lock));
    SAY(lockable(1));
    SAY(close(open(at("lock"), O_RDONLY)));
    SAY(lockable(1));
    SAY(lseek(fd, 0, SEEK_SET));
    SAY(lockf(fd, F_TLOCK, 6));
    SAY(lockable(1));
    SAY(lockf(fd, F_ULOCK, 6));
    SAY(lockable(1));
    /* A child that is killed gives back its lock. */
    if (pipe(pipes)) exit(1);
    child = fork();
    if (child == 0) {
        int own = open(at("lock"), O_RDWR);
        flock(own, LOCK_EX);
        if (write(pipes[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    SAY(read(pipes[0], bytes, 1));
    SAY(lockable(0));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    SAY(lockable(0));
    /* What a lock is waited for is given when it is free. */
    child = fork();
    if (child == 0) {
        int own = open(at("lock"), O_RDWR);
        flock(own, LOCK_EX);
        if (write(pipes[1], "x", 1) != 1) _exit(1);
        usleep(50000);
        _exit(0);
    }
    SAY(read(pipes[0], bytes, 1));
    SAY(flock(fd, LOCK_EX));
    waitpid(child, &status, 0);
    SAY(close(fd));
    /* Another program has the library, too. */
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "cat '%s'; echo made > '%s'", at("child"), at("made"));
    FILE *pipe = popen(command, "r");
    say("%s", fgets(bytes, sizeof bytes, pipe) ? bytes : "nothing");
    SAY(pclose(pipe));
    content("made");
}

static void all(void) {
    reading_and_writing();
    descriptors();
    names();
    directories();
    stdio();
    attributes();
    working_directory();
    processes();
    say("the end");
}

int main(int count, char **words) {
    out = fopen(words[count - 1], "w");
    if (count == 3) {
        snprintf(root, sizeof root, "%s", words[1]);
        all();
        return 0;
    }
    char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        int id = 0;
        char *number = strstr(line, "\"id\":"), *place = strstr(line, "\"root\":\"");
        if (number) id = atoi(number + 5);
        if (place) {
            snprintf(root, sizeof root, "%s", place + 8);
            *strchr(root, '"') = 0;
            printf("{\"id\":%d,\"ok\":{\"name\":\"calls\",\"capabilities\":{\"durability\":\"append\",\"exclusion\":\"refuse\","
                   "\"snapshots\":false,\"blocks\":false,\"append_unit\":1,\"max_record_len\":4096}}}\n", id);
        } else {
            if (strstr(line, "create_store")) all();
            printf("{\"id\":%d,\"err\":{\"code\":\"STORE_IO_ERROR\",\"message\":\"it is no store\"}}\n", id);
        }
        fflush(stdout);
    }
    return 0;
}
