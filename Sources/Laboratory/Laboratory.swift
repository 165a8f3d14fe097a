/// Layer 6. Laboratories of namespaces from topology files.
