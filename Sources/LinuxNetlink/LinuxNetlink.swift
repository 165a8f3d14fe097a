/// Layer 5. Devices, addresses and namespaces through rtnetlink (libmnl).
