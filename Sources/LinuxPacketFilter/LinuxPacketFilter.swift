/// Layer 5. The two nftables tables: structure through kc-nft, elements through nfnetlink (libmnl).
