/* The same additions through libnftables' JSON, as its documentation has it: one context, one command each.
 *
 * usage: libnftables FILE        FILE has a JSON document a line: additions and, in the next line, their deletions
 * Runs them in turn and prints {"microseconds":[…]} of the additions.
 */
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int arguments, char **words) {
    FILE *file = arguments == 2 ? fopen(words[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: libnftables FILE\n");
        return 2;
    }
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_JSON);
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    char *line = NULL;
    size_t size = 0;
    printf("{\"microseconds\":[");
    for (int number = 0; getline(&line, &size, file) > 0; number++) {
        double begin = now();
        if (nft_run_cmd_from_buffer(context, line)) {
            fprintf(stderr, "libnftables: %s\n", nft_ctx_get_error_buffer(context));
            return 1;
        }
        if (number % 2 == 0) printf("%s%.1f", number ? "," : "", now() - begin);
    }
    printf("]}\n");
    nft_ctx_free(context);
    return 0;
}
