// What the origin has, and what it was asked last.
#pragma once
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 4096, LOG = 256 };

typedef struct { char path[512]; int64_t length; int seed; } object;

static object objects[OBJECTS];
static int object_count, next_logged;
static char logged[LOG][256];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

static int64_t parameter(const char *query, const char *name, int64_t otherwise) {
    size_t length = strlen(name);
    for (const char *at = strchr(query, '?'); at; at = strchr(at, '&')) {
        at++;
        if (strncmp(at, name, length) == 0 && at[length] == '=') return atoll(at + length + 1);
    }
    return otherwise;
}

static int find(const char *path, object *found) {
    int is_there = 0;
    pthread_mutex_lock(&table);
    for (int i = 0; i < object_count && !is_there; i++)
        if (strcmp(objects[i].path, path) == 0) *found = objects[i], is_there = 1;
    pthread_mutex_unlock(&table);
    return is_there;
}

static void serve_object(const char *query) {
    char path[512] = "";
    const char *at = strstr(query, "path=");
    if (at) snprintf(path, sizeof path, "%.*s", (int)strcspn(at + 5, "& "), at + 5);
    pthread_mutex_lock(&table);
    int i = 0;
    while (i < object_count && strcmp(objects[i].path, path) != 0) i++;
    if (i < OBJECTS) {
        snprintf(objects[i].path, sizeof objects[i].path, "%s", path);
        objects[i].length = parameter(query, "length", 0);
        objects[i].seed = (int)parameter(query, "seed", 0);
        if (i == object_count) object_count++;
    }
    pthread_mutex_unlock(&table);
}

// What is below a folder: a link to each name, once.
static size_t listing(const char *folder, char *text, size_t size) {
    size_t used = snprintf(text, size, "<html><body>\n"), length = strlen(folder);
    pthread_mutex_lock(&table);
    for (int i = 0; i < object_count && used + 1100 < size; i++) {
        if (strncmp(objects[i].path, folder, length) != 0) continue;
        const char *name = objects[i].path + length;
        size_t count = strcspn(name, "/");
        char link[1100];
        snprintf(link, sizeof link, "<a href=\"%.*s%s\">", (int)count, name, name[count] ? "/" : "");
        if (!strstr(text, link)) used += snprintf(text + used, size - used, "%sx</a>\n", link);
    }
    pthread_mutex_unlock(&table);
    return used + snprintf(text + used, size - used, "</body></html>\n");
}

static size_t log_text(char *text, size_t size) {
    size_t used = 0;
    pthread_mutex_lock(&table);
    for (int i = 0; i < LOG; i++) {
        const char *entry = logged[(next_logged + i) % LOG];
        if (*entry && used + 300 < size) used += snprintf(text + used, size - used, "%s\n", entry);
    }
    pthread_mutex_unlock(&table);
    return used;
}

static void note(const char *method, const char *path, const char *range, int status, int64_t length) {
    pthread_mutex_lock(&table);
    snprintf(logged[next_logged], sizeof logged[0], "%s %.120s %.60s %d %lld", method, path,
             *range ? range : "-", status, (long long)length);
    next_logged = (next_logged + 1) % LOG;
    pthread_mutex_unlock(&table);
}
