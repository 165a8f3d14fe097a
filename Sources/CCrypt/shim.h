#pragma once
/* libcrypt's crypt(3): bcrypt, as Apache's htpasswd writes it. */
#include <stdlib.h>
#include <string.h>
#include <crypt.h>

/* Overwrites memory in a way that no compiler leaves out. */
static inline void crypt_forget(void *memory, size_t length) {
    volatile unsigned char *byte = memory;
    while (length--) *byte++ = 0;
}

/* Whether `password` has the hash `hash`, which is its own setting: 1 or 0; -1 for a hash that libcrypt does not know.
   Compares in a time that depends on the length alone. */
static inline int ccrypt_matches(const char *password, const char *hash) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data) return -1;
    const char *result = crypt_r(password, hash, data);
    int answer = -1;
    if (result && result[0] != '*') {
        size_t length = strlen(hash);
        unsigned char difference = strlen(result) != length;
        for (size_t index = 0; index < length && index <= strlen(result); index++)
            difference |= (unsigned char)(result[index] ^ hash[index]);
        answer = difference == 0;
    }
    crypt_forget(data, sizeof *data);
    free(data);
    return answer;
}
