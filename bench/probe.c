/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benches of attachments run in a container: one static program that asks a UDP echo.
 *
 * probe echo ADDRESS PORT       answers for ever, from that address
 * probe first ADDRESS PORT      asks until it is answered; prints the nanoseconds from its first instruction to the first packet
 *                               that the kernel took, and to the first answer, and the time of that answer (since the epoch)
 * probe rounds ADDRESS PORT N   asks N times, each when the one before was answered; prints the nanoseconds of each
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int echo(const struct sockaddr_in *here) {
  struct sockaddr_in who;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(fd, (const struct sockaddr *)here, sizeof *here) != 0) return perror("bind"), 1;
  for (;;) {
    char data[64];
    socklen_t size = sizeof who;
    const ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&who, &size);
    if (n >= 0) sendto(fd, data, n, 0, (struct sockaddr *)&who, size);
  }
}

/* One question; -1: the kernel does not take it, 0: no answer within the time, 1: answered. */
static int ask(const struct sockaddr_in *to, int patience) {
  char data[8] = "berth";
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct pollfd answer = {.fd = fd, .events = POLLIN};
  int done = -1;
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 && send(fd, data, sizeof data, 0) > 0)
    done = poll(&answer, 1, patience) == 1 && recv(fd, data, sizeof data, 0) > 0;
  close(fd);
  return done;
}

int main(int argc, char **argv) {
  const long long begin = now();
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (argc < 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) return fputs("see probe.c\n", stderr), 2;
  to.sin_port = htons(atoi(argv[3]));
  if (strcmp(argv[1], "echo") == 0) return echo(&to);
  if (strcmp(argv[1], "first") == 0) {
    long long taken = 0;
    for (int done; (done = ask(&to, 2)) != 1;) {
      if (done == 0 && !taken) taken = now();
      if (now() - begin > 30000000000LL) return fputs("no answer within 30 s\n", stderr), 1;
      if (done < 0) usleep(100);
    }
    const long long end = now();
    printf("%lld %lld %lld\n", (taken ? taken : end) - begin, end - begin, end);
    return 0;
  }
  for (int n = argc > 4 ? atoi(argv[4]) : 0; n > 0; --n) {
    const long long asked = now();
    if (ask(&to, 1000) != 1) return fputs("no answer\n", stderr), 1;
    printf("%lld\n", now() - asked);
  }
  return 0;
}
