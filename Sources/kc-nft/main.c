/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kc-nft: hands nftables text to libnftables in the network namespace it was started in.
 *
 * Request on standard input:  1 byte command, 4 bytes length (big-endian), text.
 * Answer on standard output:  1 byte status,  4 bytes length (big-endian), text.
 *
 *   kc-nft [IDLE-SECONDS]
 *
 * It ends at the end of its input, after a request whose length cannot be honoured, or when nothing was asked for
 * IDLE-SECONDS. Before it ends for idleness it says so in an answer of its own: whoever has just sent a request then
 * knows that this request was not looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nftables/libnftables.h>

enum command { COMMAND_RUN = 0, COMMAND_CHECK = 1 };

enum status {
    STATUS_DONE = 0,      /* one transaction, applied; the text is nft's output */
    STATUS_REFUSED = 1,   /* nothing was applied; the text is nft's errors */
    STATUS_MALFORMED = 2, /* the request breaks the protocol; nothing was applied */
    STATUS_IDLE = 3,      /* going away, unasked */
};

#define LARGEST_REQUEST (128u << 20)
#define LARGEST_ANSWER (16u << 20)
#define LONGEST_IDLE_SECONDS 86400

/* Whether the input says something, or ends, before the time is over. */
static int input_within(int seconds)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    int ready;

    do {
        ready = poll(&input, 1, seconds * 1000);
    } while (ready < 0 && errno == EINTR);
    return ready != 0;
}

/* 1 when all was read, 0 when the input ended before. */
static int read_all(void *buffer, size_t length)
{
    char *next = buffer;

    while (length > 0) {
        ssize_t count = read(STDIN_FILENO, next, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return 0;
        next += count;
        length -= (size_t)count;
    }
    return 1;
}

static int write_all(const void *buffer, size_t length)
{
    const char *next = buffer;

    while (length > 0) {
        ssize_t count = write(STDOUT_FILENO, next, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return 0;
        next += count;
        length -= (size_t)count;
    }
    return 1;
}

static int answer(enum status status, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    unsigned char head[5];

    if (length > LARGEST_ANSWER)
        length = LARGEST_ANSWER;
    head[0] = (unsigned char)status;
    head[1] = (unsigned char)(length >> 24);
    head[2] = (unsigned char)(length >> 16);
    head[3] = (unsigned char)(length >> 8);
    head[4] = (unsigned char)length;
    return write_all(head, sizeof head) && (length == 0 || write_all(text, length));
}

/* A context of its own for each request: nothing of an earlier one, no cached ruleset, can leak into it. */
static int run(const char *text, int is_dry)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    int result, kept;

    if (!context)
        return answer(STATUS_REFUSED, "libnftables gives no context");
    nft_ctx_set_dry_run(context, is_dry);
    if (nft_ctx_buffer_output(context) || nft_ctx_buffer_error(context)) {
        nft_ctx_free(context);
        return answer(STATUS_REFUSED, "libnftables gives no buffers");
    }
    result = nft_run_cmd_from_buffer(context, text);
    if (result == 0)
        kept = answer(STATUS_DONE, nft_ctx_get_output_buffer(context));
    else
        kept = answer(STATUS_REFUSED, nft_ctx_get_error_buffer(context));
    nft_ctx_free(context);
    return kept;
}

/* One request; 0 when the conversation is over. */
static int serve(void)
{
    unsigned char head[5];
    uint32_t length;
    char *text;
    int goes_on;

    if (!read_all(head, sizeof head))
        return 0;
    length = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
    if (length > LARGEST_REQUEST) {
        /* What follows cannot be told from a next request: the conversation ends here. */
        answer(STATUS_MALFORMED, "the request is longer than 128 MiB");
        return 0;
    }
    text = malloc((size_t)length + 1);
    if (!text) {
        answer(STATUS_MALFORMED, "no memory for the request");
        return 0;
    }
    if (!read_all(text, length)) {
        free(text);
        return 0;
    }
    text[length] = '\0';
    if (head[0] != COMMAND_RUN && head[0] != COMMAND_CHECK)
        goes_on = answer(STATUS_MALFORMED, "the command is neither 0 (run) nor 1 (check)");
    else if (memchr(text, '\0', length))
        goes_on = answer(STATUS_MALFORMED, "the text has a zero byte");
    else
        goes_on = run(text, head[0] == COMMAND_CHECK);
    free(text);
    return goes_on;
}

static int idle_seconds(int count, char **arguments)
{
    char *end;
    long seconds;

    if (count < 2)
        return 30;
    errno = 0;
    seconds = strtol(arguments[1], &end, 10);
    if (errno || end == arguments[1] || *end || seconds < 1 || seconds > LONGEST_IDLE_SECONDS)
        return -1;
    return (int)seconds;
}

int main(int count, char **arguments)
{
    int seconds = idle_seconds(count, arguments);
    int nowhere;

    if (count > 2 || seconds < 0) {
        static const char usage[] = "usage: kc-nft [IDLE-SECONDS], 1 to 86400, 30 unless given\n";

        return write(STDERR_FILENO, usage, sizeof usage - 1) < 0 ? 1 : 2;
    }
    /* libnftables and libmnl write some complaints past the error buffer. */
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    signal(SIGPIPE, SIG_IGN);

    while (input_within(seconds))
        if (!serve())
            return 0;
    answer(STATUS_IDLE, NULL);
    return 0;
}
