// The client of the benchmark: asks for ranges and throws the bodies away without copying them.
//   client PORT PATH LENGTH SIZE READERS REQUESTS [PLACES]
// Each of READERS threads makes REQUESTS requests for SIZE bytes, each on a new connection. SIZE 0 is the
// whole object without a Range. PLACES 0: from byte 0; else at random multiples of SIZE.
// Prints a line for each request: status, body bytes, microseconds from before the connect until it was
// connected, until the first byte of the body, until the end; the times from a common start come last.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct { int status; int64_t bytes; double connected, first, end, since_start; } result;

static int port, readers, repeats, places;
static const char *path;
static int64_t length, size;
static double begun;
static result *results;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int64_t content_length(const char *head) {
    for (const char *at = head; (at = strstr(at, "\r\n"));) {
        at += 2;
        if (strncasecmp(at, "Content-Length:", 15) == 0) return atoll(at + 15);
    }
    return -1;
}

static void ask(result *r, unsigned *dice) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[2048], head[65537];
    int64_t start = places ? (int64_t)(rand_r(dice) % (length / size)) * size : 0;
    int count = size
        ? snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nRange: bytes=%lld-%lld\r\n\r\n",
                   path, port, (long long)start, (long long)(start + size - 1))
        : snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
    double from = now();
    int on = 1, one = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {30, 0};
    setsockopt(one, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(one, (void *)&address, sizeof address) < 0) goto over;
    r->connected = now() - from;
    if (send(one, text, count, MSG_NOSIGNAL) != count) goto over;
    int64_t used = 0;
    char *end = NULL;
    while (!end && used < 65536) {
        ssize_t got = recv(one, head + used, 65536 - used, 0);
        if (got <= 0) goto over;
        used += got, head[used] = 0;
        end = memmem(head, used, "\r\n\r\n", 4);
    }
    if (!end || sscanf(head, "HTTP/1.%*d %d", &r->status) != 1) goto over;
    r->bytes = used - (end + 4 - head);
    if (r->bytes > 0) r->first = now() - from;
    *end = 0;
    int64_t wanted = content_length(head);
    while (r->bytes < wanted) {
        int64_t left = wanted - r->bytes;
        ssize_t got = recv(one, NULL, left < 1 << 24 ? left : 1 << 24, MSG_TRUNC);
        if (got <= 0) break;
        if (r->first == 0) r->first = now() - from;
        r->bytes += got;
    }
over:
    r->end = now() - from;
    r->since_start = now() - begun;
    close(one);
}

static void *reader(void *argument) {
    result *own = argument;
    unsigned dice = 1 + (unsigned)(own - results);
    for (int i = 0; i < repeats; i++) ask(&own[i], &dice);
    return NULL;
}

int main(int count, char **words) {
    if (count < 7) return 2;
    port = atoi(words[1]), path = words[2], length = atoll(words[3]), size = atoll(words[4]);
    readers = atoi(words[5]), repeats = atoi(words[6]), places = count > 7 ? atoi(words[7]) : 0;
    results = calloc((size_t)readers * repeats, sizeof *results);
    pthread_t *threads = calloc(readers, sizeof *threads);
    if (!results || !threads) return 1;
    begun = now();
    for (int i = 0; i < readers; i++)
        if (pthread_create(&threads[i], NULL, reader, results + (size_t)i * repeats) != 0) return 1;
    for (int i = 0; i < readers; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < readers * repeats; i++)
        printf("%d %lld %.0f %.0f %.0f %.0f\n", results[i].status, (long long)results[i].bytes,
               results[i].connected, results[i].first, results[i].end, results[i].since_start);
    return 0;
}
