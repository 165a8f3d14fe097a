import Testing

/// End to end, with every program of KC, in laboratories. One at a time: they measure times, and share the machine.
@Suite(.serialized)
enum SystemTests {}
