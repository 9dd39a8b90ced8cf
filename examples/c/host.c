/*
 * A host of append-only stores in one file of C, with no library but the system's.
 *
 *     cc -O2 -Wall -o host examples/c/host.c
 *
 * It speaks the driver protocol (docs/reference/driver-protocol.md): one JSON object a line on standard input, one on standard output. It
 * has neither blocks nor snapshots, and says so; examples/python/host.py has both.
 *
 * A store is a directory with two files: `log`, frames of length, checksum, number and record, which ends at the first frame
 * that is not whole; and `complete`, which comes last when a store is made, says that it is one, and is the lock that keeps a
 * second process out. It holds a random number that is in the checksums of the store's frames, so that what the file system shows of
 * another store, in space that it has used before, is none of its own. The clock's mark and the identity are files in the root.
 *
 * What it relies on: what fsync of a file returned for is there after a crash, as are names in a directory that fsync returned
 * for. After an error of a write or an fsync a handle refuses all further work, since nobody knows what is on the medium then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_LEN_MAX = 1 << 20, HEAD_LEN = 16, PATH_LEN = 4096, STORES_MAX = 4096 };

/* How an operation ended: one of the kinds of the protocol, or none. */
typedef enum { OK, EXISTS, NOT_FOUND, CONFLICT, IO, CORRUPT, UNSUPPORTED, NO_SPACE, CLOSED, TOO_LARGE } Kind;

static const char *const KINDS[] = {"",        "exists",      "not-found", "concurrent-modification", "io",
                                    "corrupt", "unsupported", "no-space",  "closed",                  "too-large"};

static const char *code_of(Kind kind) {
    switch (kind) {
    case EXISTS: return "STORE_EXISTS";
    case NOT_FOUND: return "STORE_NOT_FOUND";
    case CONFLICT: return "STORE_CONCURRENT_MODIFICATION";
    default: return "STORE_IO_ERROR";
    }
}

static Kind of_errno(void) { return errno == ENOSPC || errno == EDQUOT ? NO_SPACE : IO; }

static void *need(void *memory) {
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

/* Files. Each call is made again if a signal interrupted it before it did anything. */

#define RETRIED(call) ({ long result_; do result_ = (call); while (result_ < 0 && errno == EINTR); (int)result_; })

static Kind write_all(int fd, const uint8_t *data, size_t len, off_t offset) {
    while (len > 0) {
        int count = RETRIED(pwrite(fd, data, len, offset));
        if (count < 0) return of_errno();
        data += count, len -= (size_t)count, offset += count;
    }
    return OK;
}

/* The whole file, in memory that is the caller's. */
static Kind read_all(int fd, uint8_t **data, size_t *len) {
    size_t room = 1 << 16;
    *data = need(malloc(room)), *len = 0;
    for (;;) {
        if (*len == room) *data = need(realloc(*data, room *= 2));
        int count = RETRIED(pread(fd, *data + *len, room - *len, (off_t)*len));
        if (count < 0) {
            free(*data);
            return of_errno();
        }
        if (count == 0) return OK;
        *len += (size_t)count;
    }
}

static Kind sync_dir(const char *path) {
    int fd = RETRIED(open(path, O_RDONLY | O_DIRECTORY));
    if (fd < 0) return of_errno();
    Kind kind = RETRIED(fsync(fd)) < 0 ? of_errno() : OK;
    close(fd);
    return kind;
}

static Kind sync_parent(const char *path) {
    char parent[PATH_LEN];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash) return sync_dir(".");
    *slash = 0;
    return sync_dir(slash == parent ? "/" : parent);
}

/* A file with this content, durably and all at once: written aside, synced, renamed, the directory synced. */
static Kind put(const char *path, const uint8_t *data, size_t len) {
    char aside[PATH_LEN];
    snprintf(aside, sizeof aside, "%s.tmp", path);
    int fd = RETRIED(open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (fd < 0) return of_errno();
    Kind kind = write_all(fd, data, len, 0);
    if (kind == OK && RETRIED(fsync(fd)) < 0) kind = of_errno();
    close(fd);
    if (kind == OK && RETRIED(rename(aside, path)) < 0) kind = of_errno();
    return kind == OK ? sync_parent(path) : kind;
}

static char *joined(const char *dir, const char *name) {
    char *path = need(malloc(strlen(dir) + strlen(name) + 2));
    sprintf(path, "%s/%s", dir, name);
    return path;
}

/* Checksums: CRC-32 as zlib has it, which goes on from another one, or begins with 0. */

static uint32_t crc32_of(uint32_t before, const uint8_t *data, size_t len) {
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t sum = byte;
            for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
            table[byte] = sum;
        }
    uint32_t sum = ~before;
    for (size_t at = 0; at < len; at++) sum = table[(sum ^ data[at]) & 255] ^ sum >> 8;
    return ~sum;
}

/* The log. A frame is: checksum of what follows (4 bytes), length of the record (4), its number (8), the record. */

typedef struct {
    size_t at, len;
} Place;

typedef struct {
    char *path;
    int lock, log, failed;
    uint32_t salt;
    uint8_t *data; /* The log as it is on disk, up to `end`. */
    size_t end, room;
    Place *records;
    uint64_t count, records_room;
} Store;

/* The length of the frame that begins here, and its number; 0 if it is not whole. */
static size_t frame_at(uint32_t salt, const uint8_t *data, size_t len, uint64_t *seq) {
    uint32_t sum, record_len;
    if (len < HEAD_LEN) return 0;
    memcpy(&sum, data, 4), memcpy(&record_len, data + 4, 4), memcpy(seq, data + 8, 8);
    if (record_len > RECORD_LEN_MAX || len - HEAD_LEN < record_len) return 0;
    return crc32_of(salt, data + 4, HEAD_LEN - 4 + record_len) == sum ? HEAD_LEN + record_len : 0;
}

static void remember(Store *store, size_t at, size_t len) {
    if (store->count == store->records_room) {
        store->records_room = store->records_room * 2 + 64;
        store->records = need(realloc(store->records, store->records_room * sizeof(Place)));
    }
    store->records[store->count++] = (Place){at, len};
}

/* Reads the frames, and cuts off what a crash left of one. What is shown is durable first. */
static Kind recover(Store *store) {
    size_t len, frame;
    uint64_t seq;
    Kind kind = read_all(store->log, &store->data, &len);
    if (kind != OK) {
        store->data = NULL;
        return kind;
    }
    store->room = len;
    while ((frame = frame_at(store->salt, store->data + store->end, len - store->end, &seq)) && seq == store->count + 1) {
        remember(store, store->end + HEAD_LEN, frame - HEAD_LEN);
        store->end += frame;
    }
    /*
     * A torn write is the last one: a later frame behind it means that the medium was damaged. One that is not later is what was in that
     * space before: an older piece of the log, or another attempt at the same record.
     */
    for (size_t at = store->end + 1; at < len; at++)
        if (frame_at(store->salt, store->data + at, len - at, &seq) && seq > store->count + 1) return CORRUPT;
    if (store->end < len && RETRIED(ftruncate(store->log, (off_t)store->end)) < 0) return of_errno();
    /* After an fsync that failed, pages may be clean that never reached the medium: written again they are dirty again. */
    kind = write_all(store->log, store->data, store->end, 0);
    if (kind == OK && RETRIED(fsync(store->log)) < 0) kind = of_errno();
    /* A process that was killed may have left names that no fsync has covered yet. */
    if (kind == OK) kind = sync_dir(store->path);
    return kind == OK ? sync_parent(store->path) : kind;
}

static void release(Store *store) {
    if (store->log >= 0) close(store->log);
    if (store->lock >= 0) close(store->lock);
    free(store->data), free(store->records);
    store->log = store->lock = -1, store->data = NULL, store->records = NULL;
}

/* Takes the file that is the lock. The kernel gives it back when the process dies. */
static Kind take_lock(const char *path, int *fd) {
    char *complete = joined(path, "complete");
    *fd = RETRIED(open(complete, O_RDONLY));
    free(complete);
    if (*fd < 0) return errno == ENOENT ? NOT_FOUND : of_errno();
    if (RETRIED(flock(*fd, LOCK_EX | LOCK_NB)) == 0) return OK;
    Kind kind = errno == EWOULDBLOCK ? CONFLICT : of_errno();
    close(*fd);
    *fd = -1;
    return kind;
}

/* What `complete` holds: the number that frames are salted with, and its checksum. */
static Kind read_salt(int fd, uint32_t *salt) {
    uint8_t *data;
    size_t len;
    uint32_t sum;
    Kind kind = read_all(fd, &data, &len);
    if (kind != OK) return kind;
    if (len == 8) memcpy(salt, data, 4), memcpy(&sum, data + 4, 4);
    if (len != 8 || crc32_of(0, data, 4) != sum) kind = CORRUPT;
    free(data);
    return kind;
}

static Kind open_store(const char *path, Store *store) {
    *store = (Store){.log = -1, .lock = -1};
    Kind kind = take_lock(path, &store->lock);
    if (kind != OK) return kind;
    store->path = need(strdup(path));
    char *log = joined(path, "log");
    kind = read_salt(store->lock, &store->salt);
    if (kind == OK && (store->log = RETRIED(open(log, O_RDWR))) < 0) kind = of_errno();
    if (kind == OK) kind = recover(store);
    free(log);
    if (kind != OK) release(store);
    return kind;
}

/* Removes the files of what is no store, and its directory. */
static Kind remove_rubbish(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT ? OK : of_errno();
    Kind kind = OK;
    struct dirent *entry;
    while (kind == OK && (errno = 0, entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (RETRIED(unlinkat(dirfd(dir), entry->d_name, 0)) < 0) kind = of_errno();
    }
    if (kind == OK && errno) kind = of_errno();
    closedir(dir);
    if (kind == OK && RETRIED(rmdir(path)) < 0) kind = of_errno();
    return kind;
}

/* Makes an empty store: it is one when the file `complete` is there, which comes last. */
static Kind create_store(const char *path, Store *store) {
    char *complete = joined(path, "complete"), *log = joined(path, "log");
    struct stat about;
    Kind kind = OK;
    if (RETRIED(stat(complete, &about)) == 0) kind = EXISTS;
    else if (errno != ENOENT) kind = of_errno();
    /* What a crash left of an earlier attempt is in the way. */
    if (kind == OK) kind = remove_rubbish(path);
    if (kind == OK && RETRIED(mkdir(path, 0755)) < 0) kind = of_errno();
    if (kind == OK) kind = sync_parent(path);
    if (kind == OK) kind = put(log, NULL, 0);
    uint32_t salt[2];
    if (getrandom(salt, 4, 0) != 4) kind = kind == OK ? IO : kind;
    salt[1] = crc32_of(0, (uint8_t *)salt, 4);
    if (kind == OK) kind = put(complete, (uint8_t *)salt, sizeof salt);
    free(complete), free(log);
    return kind == OK ? open_store(path, store) : kind;
}

/* What says that the store is one goes first, durably; the rest is rubbish then. */
static Kind destroy_store(const char *path) {
    int lock;
    Kind kind = take_lock(path, &lock);
    if (kind != OK) return kind;
    char *complete = joined(path, "complete");
    if (RETRIED(unlink(complete)) < 0) kind = of_errno();
    free(complete);
    if (kind == OK) kind = sync_dir(path);
    if (kind == OK) kind = remove_rubbish(path);
    if (kind == OK) kind = sync_parent(path);
    close(lock);
    return kind;
}

static Kind append(Store *store, const uint8_t *record, size_t len) {
    if (len > RECORD_LEN_MAX) return TOO_LARGE;
    size_t frame = HEAD_LEN + len;
    if (store->room < store->end + frame) store->data = need(realloc(store->data, store->room = (store->end + frame) * 2));
    uint8_t *head = store->data + store->end;
    uint32_t record_len = (uint32_t)len;
    uint64_t seq = store->count + 1;
    memcpy(head + 4, &record_len, 4), memcpy(head + 8, &seq, 8), memcpy(head + HEAD_LEN, record, len);
    uint32_t sum = crc32_of(store->salt, head + 4, frame - 4);
    memcpy(head, &sum, 4);
    Kind kind = write_all(store->log, head, frame, (off_t)store->end);
    if (kind == OK && RETRIED(fsync(store->log)) < 0) kind = of_errno();
    if (kind != OK) {
        store->failed = 1;
        return kind;
    }
    remember(store, store->end + HEAD_LEN, len);
    store->end += frame;
    return OK;
}

/* Clock and identity: small files in the root, as text with its checksum. */

static char root[PATH_LEN];

static Kind put_text(const char *name, const char *text) {
    char content[128], *path = joined(root, name);
    int len = snprintf(content, sizeof content, "%08x%s", crc32_of(0, (const uint8_t *)text, strlen(text)), text);
    Kind kind = put(path, (const uint8_t *)content, (size_t)len);
    free(path);
    return kind;
}

/* NOT_FOUND if there is none. */
static Kind get_text(const char *name, char text[128]) {
    char *path = joined(root, name);
    int fd = RETRIED(open(path, O_RDONLY));
    free(path);
    if (fd < 0) return errno == ENOENT ? NOT_FOUND : of_errno();
    uint8_t *data;
    size_t len;
    Kind kind = read_all(fd, &data, &len);
    close(fd);
    if (kind != OK) return kind;
    char sum[9] = "";
    if (len < 8 || len > 127) kind = CORRUPT;
    else {
        memcpy(sum, data, 8), memcpy(text, data + 8, len - 8), text[len - 8] = 0;
        if (strtoul(sum, NULL, 16) != crc32_of(0, (uint8_t *)text, len - 8)) kind = CORRUPT;
    }
    free(data);
    return kind;
}

/* Nanoseconds that are reserved at once: syncing for each reading would be slow. A restart skips what was left of them. */
#define CLOCK_RESERVE UINT64_C(10000000000)

/* Greater than every earlier reading: none is told that the mark on disk does not cover. */
static Kind now(uint64_t *reading) {
    static uint64_t last, reserved;
    static int known;
    char text[128];
    Kind kind = OK;
    if (!known) {
        kind = get_text("clock", text);
        if (kind != OK && kind != NOT_FOUND) return kind;
        last = reserved = kind == OK ? strtoull(text, NULL, 10) : 0;
        known = 1;
    }
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    *reading = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
    if (*reading <= last) *reading = last + 1;
    if (*reading > reserved) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)(*reading + CLOCK_RESERVE));
        kind = put_text("clock", text);
        if (kind != OK) return kind;
        reserved = *reading + CLOCK_RESERVE;
    }
    last = *reading;
    return OK;
}

static Kind identity(char text[128]) {
    Kind kind = get_text("identity", text);
    if (kind == NOT_FOUND) {
        uint64_t random[2];
        if (getrandom(random, sizeof random, 0) != sizeof random) return IO;
        snprintf(text, 128, "%016llx%016llx", (unsigned long long)random[0], (unsigned long long)random[1]);
        kind = put_text("identity", text);
    }
    /* It may have been put there by a process that died before it made the name durable. */
    return kind == OK ? sync_dir(root) : kind;
}

/* Requests: a flat object of texts and whole numbers, which is all that the protocol asks with. */

typedef struct {
    uint64_t id, store, from, limit, expected, protocol;
    int has_expected;
    char *op, *data, *location, *root;
} Request;

/* The text that begins here, unescaped in place; and behind it. */
static char *text_at(char *at, char **text) {
    char *out = *text = ++at;
    for (; *at && *at != '"'; at++) {
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        switch (*++at) {
        case 'n': *out++ = '\n'; break;
        case 't': *out++ = '\t'; break;
        case 'r': *out++ = '\r'; break;
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'u': {
            unsigned unit = 0;
            if (sscanf(at + 1, "%4x", &unit) != 1) return NULL;
            at += 4;
            /* Control characters are all that has to be escaped so. */
            if (unit > 127) return NULL;
            *out++ = (char)unit;
            break;
        }
        case 0: return NULL;
        default: *out++ = *at;
        }
    }
    if (!*at) return NULL;
    *out = 0;
    return at + 1;
}

static char *skip(char *at) { return at + strspn(at, " \t\r\n"); }

static int parse(char *line, Request *request) {
    *request = (Request){0};
    char *at = skip(line), *name, *text = NULL;
    if (*at++ != '{') return 0;
    for (at = skip(at); *at == '"'; at = skip(at)) {
        uint64_t number = 0;
        if (!(at = text_at(at, &name)) || *(at = skip(at)) != ':') return 0;
        at = skip(at + 1);
        if (*at == '"') {
            if (!(at = text_at(at, &text))) return 0;
        } else {
            char *end;
            number = strtoull(at, &end, 10);
            if (end == at) return 0;
            at = end;
        }
        if (!strcmp(name, "id")) request->id = number;
        else if (!strcmp(name, "store")) request->store = number;
        else if (!strcmp(name, "from")) request->from = number;
        else if (!strcmp(name, "limit")) request->limit = number;
        else if (!strcmp(name, "protocol")) request->protocol = number;
        else if (!strcmp(name, "expected")) request->expected = number, request->has_expected = 1;
        else if (!strcmp(name, "op")) request->op = text;
        else if (!strcmp(name, "data")) request->data = text;
        else if (!strcmp(name, "location")) request->location = text;
        else if (!strcmp(name, "root")) request->root = text;
        at = skip(at);
        if (*at == ',') at++;
    }
    return *at == '}' && request->op;
}

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void print_base64(const uint8_t *data, size_t len) {
    for (size_t at = 0; at < len; at += 3) {
        uint32_t word = (uint32_t)data[at] << 16;
        if (at + 1 < len) word |= (uint32_t)data[at + 1] << 8;
        if (at + 2 < len) word |= data[at + 2];
        putchar(DIGITS[word >> 18]), putchar(DIGITS[word >> 12 & 63]);
        putchar(at + 1 < len ? DIGITS[word >> 6 & 63] : '='), putchar(at + 2 < len ? DIGITS[word & 63] : '=');
    }
}

/* Decodes in place; says how many bytes there are. */
static size_t decode_base64(char *text) {
    uint8_t *out = (uint8_t *)text;
    uint32_t word = 0;
    int bits = 0;
    size_t len = 0;
    for (; *text && *text != '='; text++) {
        word = word << 6 | (uint32_t)(strchr(DIGITS, *text) - DIGITS);
        if ((bits += 6) >= 8) out[len++] = (uint8_t)(word >> (bits -= 8));
    }
    return len;
}

/* Answers */

static Store stores[STORES_MAX];
static uint64_t stores_count;

static void refuse(uint64_t id, Kind kind) {
    printf("{\"id\":%llu,\"err\":{\"code\":\"%s\",\"kind\":\"%s\",\"message\":\"%s\"}}\n", (unsigned long long)id, code_of(kind),
           KINDS[kind], kind == IO ? strerror(errno) : "");
}

static void answer_number(uint64_t id, const char *name, uint64_t number) {
    printf("{\"id\":%llu,\"ok\":{\"%s\":%llu}}\n", (unsigned long long)id, name, (unsigned long long)number);
}

static void answer_records(const Request *request, const Store *store) {
    printf("{\"id\":%llu,\"ok\":{\"records\":[", (unsigned long long)request->id);
    uint64_t first = request->from ? request->from : 1;
    for (uint64_t seq = first; seq <= store->count && seq - first < request->limit; seq++) {
        Place place = store->records[seq - 1];
        printf("%s{\"seq\":%llu,\"data\":\"", seq == first ? "" : ",", (unsigned long long)seq);
        print_base64(store->data + place.at, place.len);
        printf("\"}");
    }
    printf("]}}\n");
}

static void hello(const Request *request) {
    snprintf(root, sizeof root, "%s", request->root ? request->root : ".");
    printf("{\"id\":%llu,\"ok\":{\"name\":\"c-example\",\"capabilities\":{\"durability\":\"append\",\"exclusion\":\"refuse\","
           "\"blocks\":false,\"snapshots\":false,\"append_unit\":1,\"max_record_len\":%d}}}\n",
           (unsigned long long)request->id, RECORD_LEN_MAX);
}

/* What needs no open store. False if it is something else. */
static int serve_host(const Request *request) {
    const char *op = request->op;
    uint64_t id = request->id, reading;
    char text[128];
    Kind kind;
    if (!strcmp(op, "hello")) {
        if (request->protocol != 1) refuse(id, UNSUPPORTED);
        else hello(request);
    } else if (!strcmp(op, "create_store") || !strcmp(op, "open_store")) {
        Store *store = &stores[stores_count];
        const char *path = request->location ? request->location : "";
        kind = stores_count == STORES_MAX ? IO : *op == 'c' ? create_store(path, store) : open_store(path, store);
        if (kind == OK) answer_number(id, "store", ++stores_count);
        else refuse(id, kind);
    } else if (!strcmp(op, "destroy_store")) {
        kind = destroy_store(request->location ? request->location : "");
        if (kind == OK) printf("{\"id\":%llu,\"ok\":{}}\n", (unsigned long long)id);
        else refuse(id, kind);
    } else if (!strcmp(op, "now")) {
        kind = now(&reading);
        if (kind == OK) answer_number(id, "now", reading);
        else refuse(id, kind);
    } else if (!strcmp(op, "identity")) {
        kind = identity(text);
        if (kind == OK) printf("{\"id\":%llu,\"ok\":{\"identity\":\"%s\"}}\n", (unsigned long long)id, text);
        else refuse(id, kind);
    } else return 0;
    return 1;
}

static void serve_store(Request *request) {
    const char *op = request->op;
    uint64_t id = request->id;
    static const char *const KNOWN[] = {"append", "flush", "durable_upto", "read", "close_store"};
    int known = 0;
    for (size_t nth = 0; nth < sizeof KNOWN / sizeof *KNOWN; nth++) known |= !strcmp(op, KNOWN[nth]);
    if (!known) return refuse(id, UNSUPPORTED);
    Store *store = request->store >= 1 && request->store <= stores_count ? &stores[request->store - 1] : NULL;
    int closing = !strcmp(op, "close_store");
    if (!store || store->log < 0 || (store->failed && !closing)) return refuse(id, CLOSED);
    if (closing) {
        int failed = store->failed;
        release(store);
        errno = EIO;
        if (failed) refuse(id, IO);
        else printf("{\"id\":%llu,\"ok\":{}}\n", (unsigned long long)id);
    } else if (!strcmp(op, "append")) {
        Kind kind = CONFLICT;
        if (!request->has_expected || request->expected == store->count + 1) {
            size_t len = request->data ? decode_base64(request->data) : 0;
            kind = append(store, (uint8_t *)(request->data ? request->data : ""), len);
        }
        if (kind == OK) answer_number(id, "seq", store->count);
        else refuse(id, kind);
    } else if (!strcmp(op, "read")) answer_records(request, store);
    else answer_number(id, *op == 'f' ? "durable" : "seq", store->count);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    Request request;
    while (getline(&line, &room, stdin) > 0) {
        if (!parse(line, &request)) {
            fprintf(stderr, "not a request: %s", line);
            return 1;
        }
        if (!serve_host(&request)) serve_store(&request);
        fflush(stdout);
    }
    return 0;
}
