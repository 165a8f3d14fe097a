/* SPDX-License-Identifier: GPL-2.0-only */
#include <nftables/libnftables.h>
int main(void) { return 0; }
