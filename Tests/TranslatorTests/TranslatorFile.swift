/// The compiled translator, where `tools/bpf` puts it.
enum TranslatorFile { static let path = ".build/debug/nat64.bpf.o" }
