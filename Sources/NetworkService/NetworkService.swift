/// Layer 6. The network resources: what may be written, what is assigned, what each host gets.
