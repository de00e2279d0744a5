// The origin of the benchmark: serves objects whose every byte follows from its offset and a seed, from
// memory, with sendfile. A thread for each connection. Controlled by requests below /-/:
//   /-/serve?path=P&length=N&seed=S   an object; again with another seed is a new version of it
//   /-/set?NAME=N...                  latency [ms before each response], bandwidth [bytes/s of a
//                                     connection], link [bytes/s of all], reset [body bytes after which
//                                     a connection is reset], max_age [s]; 0 is none
//   /-/stats  /-/reset  /-/log        counters, counters from 0, the last requests
// Paths that end in a slash are answered with links to what is below, as directory listings are.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "objects.h"

enum { PERIOD = 251, SEED_STEP = 97, HEAD = 16384, ANSWER = 1 << 20 };
// A multiple of the period; larger than what a core caches, so that the origin reads memory too.
#define PATTERN ((off_t)PERIOD * 262144)
#define SLICE ((int64_t)256 << 10)

typedef struct { int socket, used, is_paced; char data[HEAD + 1]; } connection;
typedef struct { char method[8], path[1024]; const char *fields; } request;

static int pattern;
static pthread_mutex_t line = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t latency, bandwidth, link_rate, reset_after, max_age = 3600;
static _Atomic int64_t requests, body_bytes, accepted, open_connections;
static double line_free;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_until(double when) {
    struct timespec t = {(time_t)when, (long)((when - (time_t)when) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

static int send_all(int socket, const char *data, size_t length, int flags) {
    while (length > 0) {
        ssize_t sent = send(socket, data, length, flags | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return 0;
        data += sent, length -= sent;
    }
    return 1;
}

// The value of a field of the head, or an empty text.
static void field(const char *fields, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    *value = 0;
    for (const char *at = fields; (at = strstr(at, "\r\n")) && at[2] != '\r';) {
        at += 2;
        if (strncasecmp(at, name, length) != 0 || at[length] != ':') continue;
        at += length + 1;
        while (*at == ' ') at++;
        size_t count = strcspn(at, "\r\n");
        snprintf(value, size, "%.*s", (int)count, at);
        return;
    }
}

static void set(const char *query) {
    latency = parameter(query, "latency", latency);
    bandwidth = parameter(query, "bandwidth", bandwidth);
    link_rate = parameter(query, "link", link_rate);
    reset_after = parameter(query, "reset", reset_after);
    max_age = parameter(query, "max_age", max_age);
}

static int send_text(connection *c, const request *asked, const char *type, const char *text, size_t length) {
    char head[256];
    int count = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
        "Content-Length: %zu\r\n\r\n", type, length);
    int has_body = strcmp(asked->method, "HEAD") != 0;
    return send_all(c->socket, head, count, has_body ? MSG_MORE : 0)
        && (!has_body || send_all(c->socket, text, length, 0));
}

static int control(connection *c, const request *asked) {
    char *text = calloc(1, ANSWER);
    size_t length = 0;
    if (!text) return 0;
    const char *type = "application/json", *command = asked->path + 3;
    if (strncmp(asked->path, "/-/", 3) != 0) {
        type = "text/html";
        length = listing(asked->path, text, ANSWER);
    } else if (strncmp(command, "log", 3) == 0) {
        type = "text/plain";
        length = log_text(text, ANSWER);
    } else {
        if (strncmp(command, "serve", 5) == 0) serve_object(command);
        if (strncmp(command, "set", 3) == 0) set(command);
        if (strncmp(command, "reset", 5) == 0) requests = body_bytes = accepted = 0;
        length = snprintf(text, ANSWER, "{\"requests\": %lld, \"body_bytes\": %lld, \"connections_accepted\": "
            "%lld, \"connections_open\": %lld}\n", (long long)requests, (long long)body_bytes,
            (long long)accepted, (long long)open_connections);
    }
    int is_well = send_text(c, asked, type, text, length);
    free(text);
    return is_well;
}

// When a line is free again that was free at `then`, after so many bytes more. One that was late catches up a
// little, so that a busy machine does not slow it down.
static double next_free(double then, double count, double rate) {
    double least = now() - 0.02;
    return (then > least ? then : least) + count / rate;
}

// Waits until so many bytes may be on the line; the time that they take is over then.
static void take_turn(int64_t count, double *own) {
    double until = 0;
    if (link_rate > 0) {
        pthread_mutex_lock(&line);
        until = line_free = next_free(line_free, count, link_rate);
        pthread_mutex_unlock(&line);
    }
    if (bandwidth > 0) {
        *own = next_free(*own, count, bandwidth);
        if (*own > until) until = *own;
    }
    sleep_until(until);
}

// Sends what the client has taken for sure, then RST.
static void reset(connection *c) {
    struct linger at_once = {1, 0};
    int left = 1;
    for (double end = now() + 0.5; now() < end && ioctl(c->socket, SIOCOUTQ, &left) == 0 && left > 0;)
        sleep_until(now() + 0.001);
    setsockopt(c->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static int send_body(connection *c, const object *o, int64_t start, int64_t end, int64_t *sent_here) {
    double own = 0;
    int64_t rate = link_rate;
    if (bandwidth > 0 && (rate == 0 || bandwidth < rate)) rate = bandwidth;
    if (rate > 0 && !c->is_paced) {
        // What lies in the kernel counts as sent.
        int small = 64 << 10;
        setsockopt(c->socket, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        c->is_paced = 1;
    }
    int64_t most = rate > 0 ? rate / 500 : SLICE;
    if (most < 4096) most = 4096;
    if (most > SLICE) most = SLICE;
    while (start < end) {
        int64_t count = end - start < most ? end - start : most;
        if (reset_after > 0 && reset_after - *sent_here < count) count = reset_after - *sent_here;
        off_t from = (start + (int64_t)(o->seed % PERIOD) * SEED_STEP) % PERIOD
            + start / PERIOD % (PATTERN / PERIOD / 2) * PERIOD;
        if (from + count > PATTERN) count = PATTERN - from;
        if (rate > 0) take_turn(count, &own);
        ssize_t sent = sendfile(c->socket, pattern, &from, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return 0;
        start += sent, *sent_here += sent, body_bytes += sent;
        if (reset_after > 0 && *sent_here >= reset_after) {
            reset(c);
            return 0;
        }
    }
    return 1;
}

// One range of `Range`, clamped. 0: none that counts, 1: a range, -1: cannot be satisfied.
static int read_range(const char *text, int64_t length, int64_t *start, int64_t *end) {
    if (strncmp(text, "bytes=", 6) != 0 || strchr(text, ',')) return 0;
    char *rest;
    text += 6;
    if (*text == '-') {
        int64_t count = strtoll(text + 1, NULL, 10);
        if (count == 0) return -1;
        *start = count > length ? 0 : length - count, *end = length;
        return 1;
    }
    *start = strtoll(text, &rest, 10);
    if (rest == text || *rest != '-') return 0;
    *end = rest[1] ? strtoll(rest + 1, NULL, 10) + 1 : length;
    if (*end > length) *end = length;
    return *start >= length ? -1 : *start < *end;
}

static int answer(connection *c, const request *asked, int64_t *sent_here) {
    size_t length = strlen(asked->path);
    if (strncmp(asked->path, "/-/", 3) == 0 || asked->path[length - 1] == '/') return control(c, asked);
    requests++;
    if (latency > 0) sleep_until(now() + latency / 1e3);
    char range[128], tag[64], date[64], value[128], head[768];
    field(asked->fields, "Range", range, sizeof range);
    object o;
    if (!find(asked->path, &o)) {
        note(asked->method, asked->path, range, 404, 0);
        const char *text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        return send_all(c->socket, text, strlen(text), 0);
    }
    snprintf(tag, sizeof tag, "\"%llx-%d\"", (long long)o.length, o.seed);
    time_t modified = 1700000000 + o.seed;
    struct tm parts;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&modified, &parts));
    int status = 200;
    int64_t start = 0, end = o.length;
    field(asked->fields, "If-None-Match", value, sizeof value);
    int is_known = *value && strstr(value, tag) != NULL;
    if (!*value) field(asked->fields, "If-Modified-Since", value, sizeof value), is_known = strcmp(value, date) == 0;
    field(asked->fields, "If-Match", value, sizeof value);
    int has_failed = *value && strcmp(value, "*") != 0 && !strstr(value, tag);
    field(asked->fields, "If-Range", value, sizeof value);
    if (*value && strcmp(value, tag) != 0 && strcmp(value, date) != 0) *range = 0;
    if (has_failed) status = 412;
    else if (is_known) status = 304;
    else {
        int kind = read_range(range, o.length, &start, &end);
        if (kind != 0) status = kind > 0 ? 206 : 416;
    }
    int has_body = status < 300 && strcmp(asked->method, "HEAD") != 0;
    if (strcmp(asked->method, "HEAD") == 0 && status == 206) status = 200, start = 0, end = o.length;
    if (status > 206) start = end = 0;
    char extent[96] = "";
    if (status == 206) snprintf(extent, sizeof extent, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)start,
                                (long long)end - 1, (long long)o.length);
    if (status == 416) snprintf(extent, sizeof extent, "Content-Range: bytes */%lld\r\n", (long long)o.length);
    char size[64] = "";
    if (status != 304) snprintf(size, sizeof size, "Content-Length: %lld\r\n", (long long)(end - start));
    char today[64];
    time_t clock = time(NULL);
    strftime(today, sizeof today, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&clock, &parts));
    int count = snprintf(head, sizeof head,
        "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: bench\r\nContent-Type: video/mp4\r\n%s%sETag: %s\r\n"
        "Last-Modified: %s\r\nAccept-Ranges: bytes\r\nCache-Control: public, max-age=%lld\r\n\r\n",
        status, status == 200 ? "OK" : status == 206 ? "Partial Content" : status == 304 ? "Not Modified" : "No",
        today, size, extent, tag, date, (long long)max_age);
    note(asked->method, asked->path, range, status, end - start);
    return send_all(c->socket, head, count, has_body ? MSG_MORE : 0)
        && (!has_body || send_body(c, &o, start, end, sent_here));
}

static void *serve(void *argument) {
    connection *c = argument;
    int64_t sent_here = 0;
    for (;;) {
        char *end;
        while (!(end = memmem(c->data, c->used, "\r\n\r\n", 4))) {
            ssize_t got = c->used < HEAD ? recv(c->socket, c->data + c->used, HEAD - c->used, 0) : 0;
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) goto over;
            c->used += got, c->data[c->used] = 0;
        }
        char after = end[4];
        end[4] = 0;
        request asked = {.fields = strstr(c->data, "\r\n")};
        char version[16], value[32];
        if (sscanf(c->data, "%7s %1023s %15s", asked.method, asked.path, version) != 3) goto over;
        field(asked.fields, "Connection", value, sizeof value);
        int is_last = strcasecmp(value, "close") == 0
            || (strcmp(version, "HTTP/1.0") == 0 && strcasecmp(value, "keep-alive") != 0);
        if (asked.path[0] != '/' || !answer(c, &asked, &sent_here) || is_last) goto over;
        end[4] = after;
        c->used -= end + 4 - c->data;
        memmove(c->data, end + 4, c->used);
        c->data[c->used] = 0;
    }
over:
    close(c->socket);
    free(c);
    open_connections--;
    return NULL;
}

static void make_pattern(void) {
    pattern = memfd_create("pattern", MFD_CLOEXEC);
    unsigned char *bytes = malloc(PATTERN);
    for (off_t i = 0; i < PATTERN; i++) bytes[i] = i % PERIOD;
    for (off_t done = 0; done < PATTERN;) {
        ssize_t wrote = write(pattern, bytes + done, PATTERN - done);
        if (wrote <= 0) exit(1);
        done += wrote;
    }
    free(bytes);
}

int main(void) {
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    signal(SIGPIPE, SIG_IGN);
    make_pattern();
    if (bind(listener, (void *)&address, length) < 0 || listen(listener, 4096) < 0) return 1;
    getsockname(listener, (void *)&address, &length);
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&small, 128 << 10);
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket < 0) continue;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = calloc(1, sizeof *c);
        if (!c) return 1;
        c->socket = socket;
        accepted++;
        open_connections++;
        pthread_t thread;
        if (pthread_create(&thread, &small, serve, c) != 0) close(socket), free(c), open_connections--;
    }
}
