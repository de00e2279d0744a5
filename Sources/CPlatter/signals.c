// Signals as bytes in a pipe. A handler that is in place when the function returns loses none, while a
// dispatch source is only registered some time later, and the system drops a signal that is ignored
// until then.
#include "cplatter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

// Set before the first handler is, and never changed.
static int ends[2] = {-1, -1};

static void note(int number) {
    int before = errno;
    unsigned char byte = (unsigned char)number;
    // A pipe that is full tells enough.
    if (write(ends[1], &byte, 1) < 0) errno = before;
    errno = before;
}

static int open_pipe(void) {
    if (ends[0] >= 0) return 0;
    int fresh[2];
    if (pipe(fresh) < 0) return errno;
    for (int index = 0; index < 2; index++) {
        if (fcntl(fresh[index], F_SETFD, FD_CLOEXEC) < 0
            || fcntl(fresh[index], F_SETFL, O_NONBLOCK) < 0) {
            int number = errno;
            close(fresh[0]);
            close(fresh[1]);
            return number;
        }
    }
    ends[0] = fresh[0];
    ends[1] = fresh[1];
    return 0;
}

int platter_catch_signal(int number, int *descriptor) {
    int failure = open_pipe();
    if (failure != 0) return failure;
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) < 0) return errno;
    *descriptor = ends[0];
    return 0;
}

int platter_ignores_signal(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}
