/// kc-nft as this package built it.
let worker = String(#filePath.dropLast("Tests/PacketFilterTests/Worker.swift".count)) + ".build/debug/kc-nft"
