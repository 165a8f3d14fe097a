/// Where this package's programs are, and those of the kernel (`tools/bpf`).
let objects = String(#filePath.dropLast("Tests/PacketFilterTests/Worker.swift".count)) + ".build/debug/"

/// kc-nft as this package built it.
let worker = objects + "kc-nft"
